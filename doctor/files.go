package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/view"
)

// leastFree is how much the disk must have left: an incident's evidence is a few MiB.
const leastFree = 1 << 30

// files checks the folder, the journal, and who may read secrets.
func (p *patient) files(context.Context) []view.Check {
	return append([]view.Check{p.evidence(), p.journal(), p.space(), p.archive(), p.images()}, p.secrets())
}

func (p *patient) evidence() view.Check {
	f, err := os.CreateTemp(p.Evidence, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("doctor\n")
		f.Close()
		os.Remove(f.Name())
	}
	if err != nil {
		return degraded(filesPart, "evidence", err.Error()+": no evidence of an incident is kept",
			"let the daemon write into the folder of --evidence.path")
	}
	return ok(filesPart, "evidence", p.Evidence+" can be written")
}

// archive says whether evidence outlives this machine. Who has no archive may have a way of their own to
// copy it, of which nothing is known here.
func (p *patient) archive() view.Check {
	stand := p.Archive.Stand()
	if stand.Where == "" {
		return unknown(filesPart, "archive", "there is none: evidence stays on this machine's disk", "serve with --evidence.archive, see docs/archive.md")
	}
	if err := p.probed(); err != nil {
		return degraded(filesPart, "archive", "it does not take a test object: "+err.Error()+"; no evidence is archived",
			"let the daemon write and read in "+stand.Where+", with "+keeper.Name+" beside it")
	}
	if stand.Problem != "" {
		return degraded(filesPart, "archive", stand.Says(), "the daemon tries again; see docs/archive.md")
	}
	return ok(filesPart, "archive", fmt.Sprintf("it takes a test object and gives it back; %d incidents wait", stand.Waiting))
}

// images says whether the images of a rollback stay in their registry.
func (p *patient) images() view.Check {
	stand := p.Holds()
	switch {
	case !stand.On:
		return unknown(filesPart, "images", "images of rollbacks are not held: a registry's garbage collection may take them", "serve with --images.hold, see docs/archive.md")
	case stand.Problem != "":
		return degraded(filesPart, "images", cmp.Or(stand.Says(), stand.Problem), "let the helper write tags in the registry; the daemon tries again")
	}
	return ok(filesPart, "images", fmt.Sprintf("images of rollbacks are held; %d incidents wait", stand.Waiting))
}

func (p *patient) journal() view.Check {
	f, err := os.OpenFile(p.Journal, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return degraded(filesPart, "journal", err.Error(),
			"put the journal back where the daemon can write it, and start the daemon again")
	}
	f.Close()
	return ok(filesPart, "journal", p.Journal+" can be written")
}

func (p *patient) space() view.Check {
	free, err := freeSpace(p.Evidence)
	switch {
	case err != nil:
		return unknown(filesPart, "disk", err.Error(), "")
	case free < leastFree:
		return degraded(filesPart, "disk", fmt.Sprintf("%d MiB are free for evidence", free>>20),
			"make room: at least 1 GiB")
	}
	return ok(filesPart, "disk", fmt.Sprintf("%d GiB are free", free>>30))
}

// secrets checks that only the daemon and its group may read a secret.
func (p *patient) secrets() view.Check {
	n := 0
	for _, path := range p.Secrets {
		if path == "" {
			continue
		}
		n++
		if err := secret.Check(path, secret.Group); err != nil {
			return degraded(filesPart, "secrets", err.Error(), "put the file back, readable by its owner only: chmod 600 "+path)
		}
	}
	return ok(filesPart, "secrets", fmt.Sprintf("%d files that not everybody may read", n))
}
