package trail

import (
	"cmp"
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

// IncidentCheck is incident check.
func IncidentCheck(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("check", "Check an evidence folder: is it as it was sealed, and does its decision come out the same? Its files are compared with its manifest, "+
		"the manifest with the digest that the daemon's store has or that a message had, and significance and decision are computed again. Exit code 3 if anything was changed "+
		"or comes out differently, 5 if there is nothing to compare the manifest with. Example: autorollback incident check incidents/inc-0123456789ab")
	var k evidenceCheck
	cmd.Arg("folder", "The incident's evidence folder.").Required().StringVar(&k.dir)
	cmd.Flag("digest", "The manifest's digest, sha256:HEX, from the message about the evidence.").StringVar(&k.digest)
	k.out, k.remote = cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error { return k.run(ctx, c) }
}

// An evidenceCheck is what incident check is told.
type evidenceCheck struct {
	dir, digest string
	out         *cli.Output
	remote      *cli.Remote
}

// CheckedEvidence is what incident check prints for programs.
type CheckedEvidence struct {
	Folder      string        `json:"folder"`
	Digest      string        `json:"digest,omitempty"`       // of the manifest
	SealedBy    []string      `json:"sealed_by"`              // what has the same digest: --digest, the store
	NotAnchored string        `json:"not_anchored,omitempty"` // why nothing has
	Recomputed  []string      `json:"recomputed"`             // what came out the same, or is not known
	Problems    []fileProblem `json:"problems"`
	Also        []keptFolder  `json:"also_kept"` // other folders of the same id
}

type fileProblem struct {
	File string `json:"file"`
	What string `json:"what"`
}

type keptFolder struct {
	Folder   string `json:"folder"`
	Digest   string `json:"digest,omitempty"`
	Problems int    `json:"problems"`
}

func (k evidenceCheck) run(ctx context.Context, c cli.Console) error {
	k.dir = filepath.Clean(k.dir)
	if _, err := os.Lstat(k.dir); err != nil {
		return fmt.Errorf("check evidence: %w", err)
	}
	found := audit.Check(k.dir)
	problems := found.Problems
	r := CheckedEvidence{Folder: k.dir, Digest: found.Digest, SealedBy: []string{}, Recomputed: []string{}, Problems: []fileProblem{}, Also: k.others()}
	if found.Digest != "" {
		sealed, differs, unknown := k.compare(ctx, found)
		r.SealedBy = append(r.SealedBy, sealed...)
		r.NotAnchored = unknown
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
		r.Recomputed = append(r.Recomputed, texts...)
	}
	for _, p := range problems {
		r.Problems = append(r.Problems, fileProblem{filepath.Join(k.dir, p.File), p.What})
	}
	if len(r.SealedBy) > 0 {
		r.NotAnchored = ""
	}
	return cli.Join(k.out.Print(c.Out, r, func() error { return r.print(c) }), r.verdict())
}

// print says it for people.
func (r CheckedEvidence) print(c cli.Console) error {
	for _, text := range r.Recomputed {
		fmt.Fprintln(c.Out, text)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(c.Out, "%s: %s\n", p.File, p.What)
	}
	for _, o := range r.Also {
		fmt.Fprintf(c.Out, "also kept under this id: %s, %s, %d problems\n", o.Folder, cmp.Or(o.Digest, "not sealed"), o.Problems)
	}
	if len(r.Problems) == 0 && len(r.SealedBy) > 0 {
		fmt.Fprintf(c.Out, "%s is as it was sealed, says %s\n", r.Folder, strings.Join(r.SealedBy, " and "))
	}
	return nil
}

// verdict is the exit code.
func (r CheckedEvidence) verdict() error {
	switch {
	case len(r.Problems) > 0:
		return cli.Found(len(r.Problems), "problem", "problems")
	case len(r.SealedBy) == 0:
		return cli.Unclear(fmt.Sprintf("%s is as its manifest says, and the manifest %s is not anchored: %s", r.Folder, r.Digest, r.NotAnchored))
	}
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
	id = cmp.Or(k.id(), id)
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client, err := k.remote.Client()
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

// others are the other folders of the incident's id.
func (k evidenceCheck) others() []keptFolder {
	all := []keptFolder{}
	for _, dir := range audit.Attempts(k.dir) {
		if dir != k.dir {
			other := audit.Check(dir)
			all = append(all, keptFolder{dir, other.Digest, len(other.Problems)})
		}
	}
	return all
}
