package main

import (
	"context"
	"flag"
	"io"
	"os"
	"testing"
)

// TestMain lets four stories run side by side: each mostly waits for its windows to pass,
// and what a busy machine does to latencies proves nothing in any of them.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	return labProgram().Run(ctx, args, in, out, errs)
}
