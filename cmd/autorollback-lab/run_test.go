package main

import (
	"context"
	"io"
)

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	return labProgram().Run(ctx, args, in, out, errs)
}
