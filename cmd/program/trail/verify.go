// Package trail is the subcommands that check what was kept: the journal, evidence folders and the order log. It
// never writes to any of them.
package trail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
)

// askWithin bounds how long a check waits for the daemon: what it knows is compared if it answers.
const askWithin = 10 * time.Second

// AuditCommands check the journal.
func AuditCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("audit", "Check the records, and see who ordered what.")
	ver := cmd.Command("verify", "Check the journal's hash chain, and compare it with heads that were kept elsewhere: "+
		"in the daemon's store, and those of --head. Exit code 3 if it was altered, 5 if there is nothing to compare it with. "+
		"Example: autorollback audit verify incidents/journal.jsonl")
	var v verification
	ver.Arg("journal", "The journal file.").Required().StringVar(&v.path)
	ver.Flag("head", "A head of the journal from a message, LINES:sha256:HEX; may be repeated.").StringsVar(&v.heads)
	ver.Flag("replica", "Whose journal it is; default: that of the daemon that answers.").StringVar(&v.replica)
	ver.Flag("key", "File with the public ed25519 keys, as OpenSSH writes them, of --journal.signing-key-file: heads of the store count only if one of them signed it.").StringVar(&v.key)
	v.out, v.remote = cli.OutputFlag(ver), cli.RemoteFlags(ver)
	list, listed := auditList(cmd, c)
	return map[string]cli.Action{list: listed, ver.FullCommand(): func(ctx context.Context) error { return v.run(ctx, c) }}
}

// A verification is what audit verify is told.
type verification struct {
	path, replica, key string
	heads              []string
	out                *cli.Output
	remote             *cli.Remote
}

// Verified is what audit verify prints for programs.
type Verified struct {
	Journal     string      `json:"journal"`
	Head        record.Head `json:"head"`         // its last line
	Anchored    uint64      `json:"anchored"`     // the last line that a head kept elsewhere vouches for; 0: none
	By          string      `json:"by"`           // where those heads were kept
	NotCompared []string    `json:"not_compared"` // heads that could not be compared, and why
}

func (v verification) run(ctx context.Context, c cli.Console) error {
	kept, unknown, err := v.kept(ctx)
	if err != nil {
		return err
	}
	found, err := audit.VerifyJournal(v.path, kept...)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return cli.Wanting(err.Error())
	}
	r := Verified{Journal: v.path, Head: found.Head, Anchored: found.Anchored, NotCompared: append([]string{}, unknown...)}
	if found.Anchored > 0 {
		r.By = places(kept)
	}
	if err := v.out.Print(c.Out, r, func() error { return r.print(c) }); err != nil || r.Anchored > 0 {
		return err
	}
	return cli.Unclear(v.path + " is not anchored: nothing that was kept elsewhere says that it is this journal, or all of it")
}

func (r Verified) print(c cli.Console) error {
	fmt.Fprintf(c.Out, "%s: no break in the chain: %s\n", r.Journal, r.Head)
	for _, text := range r.NotCompared {
		fmt.Fprintf(c.Out, "not compared: %s\n", text)
	}
	if r.Anchored > 0 {
		fmt.Fprintf(c.Out, "anchored up to line %d, by: %s\n", r.Anchored, r.By)
	}
	if r.Anchored > 0 && r.Anchored < r.Head.Lines {
		fmt.Fprintf(c.Out, "not anchored: what follows it, up to line %d; a running daemon anchors every few seconds\n", r.Head.Lines)
	}
	return nil
}

// kept are the heads to compare with, and why some of them cannot be.
func (v verification) kept(ctx context.Context) (kept []audit.Kept, unknown []string, err error) {
	for _, text := range v.heads {
		h, err := record.ParseHead(text)
		if err != nil {
			return nil, nil, cli.Usage(err)
		}
		kept = append(kept, audit.Kept{Head: h, Where: "--head"})
	}
	// The daemon is asked first: what it knows was in the file before it knew it.
	known, problem := v.known(ctx)
	if problem != "" {
		unknown = append(unknown, problem)
	}
	if v.key != "" {
		signers, err := audit.LoadSigners(v.key)
		if err != nil {
			return nil, nil, err
		}
		var unsigned int
		if known, unsigned, err = signed(known, signers); err != nil {
			return nil, nil, cli.Wanting(err.Error())
		}
		if unsigned > 0 {
			unknown = append(unknown, fmt.Sprintf("%d heads of the store that nobody signed", unsigned))
		}
	}
	for _, k := range known {
		kept = append(kept, k.Kept)
	}
	return kept, unknown, nil
}

// known are the heads that the daemon's store has of the replica's journal, or why there are none.
func (v verification) known(ctx context.Context) (all []stored, problem string) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client, err := v.remote.Client()
	if err != nil {
		return nil, err.Error()
	}
	st, err := client.Status(ctx)
	if err != nil {
		return nil, err.Error()
	}
	name := cmp.Or(v.replica, st.Replica)
	add := func(a record.Anchor, where string) {
		if a.Lines > 0 {
			all = append(all, stored{audit.Kept{Head: a.Head, Where: where}, a})
		}
	}
	for _, a := range st.Anchors {
		if a.Replica != name {
			continue
		}
		add(a, "the store's anchor of "+name)
		for _, l := range a.Lost {
			lost := record.Anchor{Replica: name, Head: l.Head, Signature: l.Signature}
			add(lost, fmt.Sprintf("the store's anchor of %s, found to be lost at %s,", name, cli.Moment(l.FoundAt)))
		}
	}
	for _, i := range st.Incidents {
		for _, a := range i.Anchors {
			if a.Replica == name {
				add(a, "incident "+i.ID)
			}
		}
	}
	if len(all) == 0 {
		problem = fmt.Sprintf("%s has no head of the journal of %q; name another with --replica", client.URL, name)
	}
	return all, problem
}

// A stored head is one that the daemon's store has.
type stored struct {
	audit.Kept
	anchor record.Anchor
}

// signed are the heads that one of the keys signed, and how many nobody did. One that somebody else
// signed is an error.
func signed(all []stored, keys audit.Signers) (ours []stored, unsigned int, err error) {
	for _, k := range all {
		if k.anchor.Signature == "" {
			unsigned++
			continue
		}
		if err := keys.Verify(k.anchor); err != nil {
			return nil, 0, fmt.Errorf("the signature of line %d in %s: %w", k.Lines, k.Where, err)
		}
		ours = append(ours, k)
	}
	return ours, unsigned, nil
}

// places names where heads were kept, each once.
func places(kept []audit.Kept) (text string) {
	var seen []string
	for _, k := range kept {
		if !slices.Contains(seen, k.Where) {
			seen = append(seen, k.Where)
		}
	}
	more := len(seen) - 5
	for n, where := range seen[:min(len(seen), 5)] {
		if n > 0 {
			text += ", "
		}
		text += where
	}
	if more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
