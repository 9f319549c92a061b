package servers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// OpenFeature returns the path of the program that evaluates flags as its users' programs do.
func OpenFeature(tb testing.TB) string {
	tb.Helper()
	return program(tb, "openfeature", "openfeature")
}

// A FlagReader is a program that evaluates flags as its users' programs do.
type FlagReader struct {
	tb  testing.TB
	in  *json.Encoder
	out *bufio.Scanner
}

// A Flag is what the user's program gets. Error is a code, such as FLAG_NOT_FOUND; Value is the
// caller's default then.
type Flag struct {
	Value                  any
	Variant, Reason, Error string
}

// ReadFlags starts a reader: "ofrep" URL TOKEN, OpenFeature's SDK with its OFREP provider; "flagd"
// FILE, flagd's evaluator; "goff" FILE, go-feature-flag. The test fails if it has a complaint, such
// as one of flagd's schema.
func ReadFlags(tb testing.TB, args ...string) *FlagReader {
	tb.Helper()
	cmd := exec.Command(OpenFeature(tb), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil || said.Len() > 0 {
			tb.Errorf("openfeature %s: %v\n%s", args[0], err, said.String())
		}
	})
	return &FlagReader{tb, json.NewEncoder(in), bufio.NewScanner(out)}
}

// Evaluate asks for a flag of the type of its default: a bool, a string or a float64.
func (r *FlagReader) Evaluate(key string, byDefault any, context map[string]any) (f Flag) {
	r.tb.Helper()
	if err := r.in.Encode(map[string]any{"key": key, "default": byDefault, "context": context}); err != nil {
		r.tb.Fatal(err)
	}
	if !r.out.Scan() {
		r.tb.Fatalf("no answer: %v", r.out.Err())
	}
	if err := json.Unmarshal(r.out.Bytes(), &f); err != nil {
		r.tb.Fatal(err)
	}
	return f
}
