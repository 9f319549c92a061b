// Command autorollback-keeper keeps evidence where it outlives the daemon's machine. The daemon starts it
// for one task, and gives it one request on standard input; people have no use for it. It links the object
// stores, which the daemon does not. See package keeper for what the two say to each other.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/keeper/bucket"
	"github.com/autorollback/autorollback/keeper/images"
)

// version is set by the linker.
var version = "dev"

func main() {
	if len(os.Args) > 1 {
		fmt.Println("autorollback-keeper " + version + ": the daemon starts it, see docs/archive.md")
		os.Exit(keeper.ExitRequest)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(serve(ctx, os.Stdin, os.Stdout, os.Stderr))
}

// serve reads the request, does the task, and answers. It returns the exit code.
func serve(ctx context.Context, in io.Reader, out, problems io.Writer) int {
	q, err := keeper.ReadRequest(in)
	if err != nil {
		fmt.Fprintln(problems, err)
		return keeper.ExitRequest
	}
	ctx, cancel := context.WithTimeout(ctx, q.Within)
	defer cancel()
	code := keeper.ExitDone
	a, err := do(ctx, q)
	if a.Schema = keeper.Schema; err != nil {
		a.Problem, code = err.Error(), keeper.ExitProblem
	}
	if err := json.NewEncoder(out).Encode(a); err != nil {
		fmt.Fprintln(problems, "write answer:", err)
		return keeper.ExitRequest
	}
	return code
}

func do(ctx context.Context, q keeper.Request) (keeper.Answer, error) {
	if q.Image != "" {
		return images.Do(ctx, q)
	}
	b, err := open(ctx, q.Archive)
	if err != nil {
		return keeper.Answer{}, fmt.Errorf("open archive: %w", err)
	}
	defer b.Close()
	a, err := bucket.Do(ctx, b, q)
	if err == nil && q.Task == keeper.Archive {
		err = settle(q)
	}
	return a, err
}
