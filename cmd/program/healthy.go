package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/outbound"
)

// healthyCommand asks a daemon whether it lives, for containers without a shell.
func healthyCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("healthy", "Ask a daemon whether it can do its work. Exit code 1 if not. Example: autorollback healthy")
	r := cli.RemoteFlags(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, client.URL+"/-/ready", nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", client.URL, err)
		}
		resp, err := client.HTTP.Do(req)
		if err != nil {
			return fmt.Errorf("ask %s: %w", client.URL, outbound.Cause(err))
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(outbound.Excerpt(string(text)))
		}
		return err
	}}
}
