package shadows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/shadow"
)

func shadowRecord(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("record", "Record a verdict with the daemon, which checks it when a release starts. Example: autorollback shadow record gate.json")
	file := cmd.Arg("gate", "What shadow report --gate-file wrote; - is standard input.").Required().String()
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		text, err := cli.ReadFile(c.In, *file)
		if err != nil {
			return fmt.Errorf("read gate: %w", err)
		}
		var gate shadow.Gate
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&gate); err != nil {
			return fmt.Errorf("read %s: %w; name a file that shadow report --gate-file wrote", *file, err)
		}
		v, err := recordVerdict(ctx, r, gate)
		if err != nil {
			return err
		}
		return out.Line(c.Out, v, "%s", recorded(v))
	}
}

func recordVerdict(ctx context.Context, r *cli.Remote, gate shadow.Gate) (record.ShadowVerdict, error) {
	client, err := r.Client()
	if err != nil {
		return record.ShadowVerdict{}, err
	}
	return client.RecordShadow(ctx, gate)
}

func recorded(v record.ShadowVerdict) string {
	return fmt.Sprintf("recorded by %s: %s of %s against %s (report %s)", v.By, v.Verdict, v.Candidate, v.Stable, v.Report)
}

// brief is enough of a digest for people to tell it from others.
func brief(digest string) string { return digest[:min(len(digest), 19)] }

// digestOf is the sha256 of the files' bytes, one after another; of one file what
// sha256sum prints.
func digestOf(paths ...string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		if err := pour(h, path); err != nil {
			return "", fmt.Errorf("hash recording: %w", err)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func pour(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
