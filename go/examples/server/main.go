// Command server streams speech over HTTP as it is made:
//
//	go run ./examples/server [-model demo] [-listen localhost:8080]
//	curl -N 'localhost:8080/speak?text=Hello.&role=2222&seed=42' | ffplay -
//
// A client that hangs up frees the slot of its request.
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"strconv"

	"chattts-rs/go/chattts"
)

func main() {
	model := flag.String("model", "demo", "the model")
	listen := flag.String("listen", "localhost:8080", "the address")
	flag.Parse()
	tts, err := chattts.Open(*model, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tts.Close()
	log.Printf("http://%s/speak?text=Hello.", *listen)
	log.Print(http.ListenAndServe(*listen, handler(tts)))
}

func handler(tts *chattts.TTS) http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("/speak", func(w http.ResponseWriter, r *http.Request) {
		request := chattts.Request{Text: r.FormValue("text"), Role: r.FormValue("role")}
		if asked := r.FormValue("seed"); asked != "" {
			seed, err := strconv.ParseUint(asked, 10, 64)
			if err != nil {
				http.Error(w, "seed: "+err.Error(), http.StatusBadRequest)
				return
			}
			request.Seed = &seed
		}
		speak(w, r, tts, request)
	})
	return routes
}

func speak(w http.ResponseWriter, r *http.Request, tts *chattts.TTS, request chattts.Request) {
	begun := false
	var pcm []byte
	tts.Stream(r.Context(), request)(func(samples []float32, err error) bool {
		if err != nil {
			if begun {
				// The status is sent: only a broken connection tells that the speech is not whole.
				panic(http.ErrAbortHandler)
			}
			http.Error(w, err.Error(), status(err))
			return false
		}
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "audio/wav")
			if err := chattts.WriteWAVHeader(w, -1, tts.SampleRate()); err != nil {
				return false
			}
		}
		pcm = chattts.PCM16(pcm[:0], samples)
		if _, err := w.Write(pcm); err != nil {
			return false
		}
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		return true
	})
}

func status(err error) int {
	for _, asked := range []error{chattts.ErrInvalidText, chattts.ErrInvalidVoice, chattts.ErrInvalidParameter} {
		if errors.Is(err, asked) {
			return http.StatusBadRequest
		}
	}
	return http.StatusInternalServerError
}
