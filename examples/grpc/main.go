// Speaks a text over gRPC, and writes the sound as it comes: 16-bit samples, 24,000 a second.
//
//	./check.sh build
//	./build/speak 127.0.0.1:8000 'Hello there.' hello.pcm
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	pb "./chatttsv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: speak ADDRESS TEXT FILE; the environment's CHATTTS_KEY is the key, if one is asked for")
		os.Exit(2)
	}
	if err := speak(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func speak(address, text, path string) error {
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx := context.Background()
	if key := os.Getenv("CHATTTS_KEY"); key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	seed := uint64(7)
	stream, err := pb.NewTextToSpeechClient(connection).SynthesizeStream(ctx, &pb.SynthesizeStreamRequest{
		Input: text,
		Settings: &pb.SpeechSettings{
			Seed:           &seed,
			ResponseFormat: pb.AudioFormat_AUDIO_FORMAT_PCM,
		},
	})
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return file.Close()
		}
		if err != nil {
			return err
		}
		switch part := response.Part.(type) {
		case *pb.SynthesizeStreamResponse_Started:
			fmt.Printf("%d samples per second\n", part.Started.SampleRate)
		case *pb.SynthesizeStreamResponse_Audio:
			if _, err := file.Write(part.Audio); err != nil {
				return err
			}
		case *pb.SynthesizeStreamResponse_Done:
			fmt.Printf("%d tokens\n", part.Done.OutputTokens)
		}
	}
}
