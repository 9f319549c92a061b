package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/runbook"
)

// checkEvidence is incident check.
func checkEvidence(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("check", "Check an evidence folder against its manifest, the manifest against the digest that the daemon's store has "+
		"or that a message had, and make its decision again, with the significance computed anew. Exit code 3 if anything was changed "+
		"or comes out differently, 5 if there is nothing to compare the manifest with. Example: autorollback incident check incidents/inc-0123456789ab")
	var k evidenceCheck
	cmd.Arg("folder", "The incident's evidence folder.").Required().StringVar(&k.dir)
	cmd.Flag("digest", "The manifest's digest from the message that the evidence was sealed, sha256:HEX.").StringVar(&k.digest)
	k.remote = remoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error { return k.run(ctx, c) }
}

// An evidenceCheck is what incident check is told.
type evidenceCheck struct {
	dir, digest string
	remote      *remote
}

func (k evidenceCheck) run(ctx context.Context, c cli.Console) error {
	k.dir = filepath.Clean(k.dir)
	if _, err := os.Lstat(k.dir); err != nil {
		return fmt.Errorf("check evidence: %w", err)
	}
	found := audit.Check(k.dir)
	problems := found.Problems
	var sealed []string // what says that it is as it was sealed
	unknown := ""
	if found.Digest != "" {
		differs := ""
		sealed, differs, unknown = k.compare(ctx, found)
		if id := k.id(); id != "" && found.Incident != "" && found.Incident != id {
			differs = "is of " + found.Incident
		}
		if differs != "" {
			problems = append(problems, audit.Problem{File: "MANIFEST.sha256", What: differs})
		}
	}
	if len(problems) == 0 { // else what it would be computed from is not what was kept
		texts, differs := recomputed(k.dir)
		problems = append(problems, differs...)
		for _, text := range texts {
			fmt.Fprintln(c.Out, text)
		}
	}
	for _, p := range problems {
		fmt.Fprintf(c.Out, "%s: %s\n", filepath.Join(k.dir, p.File), p.What)
	}
	k.attempts(c)
	switch {
	case len(problems) > 0:
		return cli.Found(len(problems), "problem", "problems")
	case len(sealed) == 0:
		return cli.Unclear(fmt.Sprintf("%s is as its manifest says, and the manifest %s is not anchored: %s", k.dir, found.Digest, unknown))
	}
	fmt.Fprintf(c.Out, "%s is as it was sealed, says %s\n", k.dir, strings.Join(sealed, " and "))
	return nil
}

var ofIncident = regexp.MustCompile(`^(inc-[0-9a-f]{12})(\.[0-9]+)?$`)

// id is the incident that the folder's name says; a copy may have another name.
func (k evidenceCheck) id() string {
	if m := ofIncident.FindStringSubmatch(filepath.Base(k.dir)); m != nil {
		return m[1]
	}
	return ""
}

// compare holds the manifest's digest against those that were kept elsewhere.
func (k evidenceCheck) compare(ctx context.Context, found audit.Found) (sealed []string, differs, unknown string) {
	hold := func(digest, where string) {
		if digest == found.Digest {
			sealed = append(sealed, where)
		} else {
			differs = fmt.Sprintf("is %s; %s has %s", found.Digest, where, digest)
		}
	}
	if k.digest != "" {
		hold(k.digest, "--digest")
	}
	digest, unknown := k.stored(ctx, found.Incident)
	if digest != "" {
		hold(digest, "the store")
	}
	return sealed, differs, unknown
}

// stored is the digest that the store has of this folder, or why it has none.
func (k evidenceCheck) stored(ctx context.Context, id string) (digest, unknown string) {
	base := filepath.Base(k.dir)
	id = or(k.id(), id)
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client, err := k.remote.client()
	if err != nil {
		return "", err.Error()
	}
	inc, err := client.Incident(ctx, id)
	kept := filepath.Base(inc.Evidence)
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		return "", client.URL + " does not know the incident"
	case err != nil:
		return "", err.Error()
	case inc.EvidenceDigest == "":
		return "", client.URL + " has no digest of it: it is not sealed, or an older version sealed it"
	case kept != base && slices.Contains(audit.Attempts(k.dir), filepath.Join(filepath.Dir(k.dir), kept)):
		return "", fmt.Sprintf("the store has the digest of %s, another incident of the same id; name this one's, from its message, with --digest", kept)
	}
	return inc.EvidenceDigest, ""
}

// attempts names the other folders of the incident's id.
func (k evidenceCheck) attempts(c cli.Console) {
	for _, dir := range audit.Attempts(k.dir) {
		if dir != k.dir {
			other := audit.Check(dir)
			fmt.Fprintf(c.Out, "also kept under this id: %s, %s, %d problems\n", dir, or(other.Digest, "not sealed"), len(other.Problems))
		}
	}
}
