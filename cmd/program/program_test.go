package program

import (
	"context"
	"io"
)

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	return New("test").Run(ctx, args, in, out, errs)
}
