package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"chattts-rs/go/chattts"
)

func serve(t *testing.T) (*chattts.TTS, *httptest.Server) {
	tts, err := chattts.Open("noise", &chattts.Options{BatchSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler(tts))
	t.Cleanup(func() {
		server.Close()
		tts.Close()
	})
	return tts, server
}

func TestSpeechIsStreamed(t *testing.T) {
	_, server := serve(t)
	response, err := http.Get(server.URL + "/speak?seed=42&text=" + url.QueryEscape("Hello, 你好."))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || response.ContentLength >= 0 ||
		!strings.HasPrefix(string(body), "RIFF") || len(body) <= 44 {
		t.Errorf("%d, %d bytes, %v", response.StatusCode, len(body), err)
	}
}

func TestWrongRequestsAreToldSo(t *testing.T) {
	_, server := serve(t)
	for _, query := range []string{"", "text=a&seed=b", "text=a&role=nobody"} {
		response, err := http.Get(server.URL + "/speak?" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest || len(body) == 0 {
			t.Errorf("%s: %d %s", query, response.StatusCode, body)
		}
	}
}

func TestClientThatHangsUpFreesTheSlot(t *testing.T) {
	tts, server := serve(t)
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	text := url.QueryEscape(strings.Repeat("Hello, all of you. ", 300))
	request, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/speak?seed=1&text="+text, nil)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 44)); err != nil {
		t.Fatal(err)
	}
	hangUp()
	response.Body.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stats, err := tts.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if stats.SlotsHeld == 0 && stats.Queued == 0 && stats.Cancelled == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", stats)
		}
	}
}
