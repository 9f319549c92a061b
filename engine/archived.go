package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Archived keeps in the incident that its evidence is in the archive. It changes nothing if the incident
// says so already, and refuses a copy of other evidence than the incident's.
func (e *Engine) Archived(ctx context.Context, id string, a record.Archived) error {
	return e.amend(ctx, id, func(inc *record.Incident) (line record.Record, err error) {
		switch {
		case !inc.Sealed() || inc.EvidenceDigest != a.Digest:
			return line, fmt.Errorf("%s was sealed as %q, and the archive has %s", id, inc.EvidenceDigest, a.Digest)
		case inc.InArchive():
			return line, nil
		}
		inc.Archived = &a
		return record.Record{Kind: "archived", Text: fmt.Sprintf("%d files, %s, in %s", a.Files, a.Digest, a.Where)}, nil
	})
}

// amend changes what an incident says of what was kept of it, whether it is closed or not. A change that
// returns no line changes nothing.
func (e *Engine) amend(ctx context.Context, id string, change func(*record.Incident) (record.Record, error)) error {
	for try := 1; ; try++ {
		inc, line, err := e.amendOnce(ctx, store.IncidentKey(id), change)
		if errors.Is(err, store.ErrConflict) && try < tries {
			continue
		}
		if err != nil {
			return err
		}
		e.keepIncidents(*inc)
		if line.Kind != "" {
			line.At = time.Now().UTC()
			e.write(id, line)
		}
		return nil
	}
}

func (e *Engine) amendOnce(ctx context.Context, key string, change func(*record.Incident) (record.Record, error)) (*record.Incident, record.Record, error) {
	indexes := map[string]uint64{}
	inc, err := fetch[record.Incident](ctx, e.store, key, indexes)
	if err != nil {
		return nil, record.Record{}, later(err)
	}
	if inc == nil {
		return nil, record.Record{}, fmt.Errorf("%s: %w", key, runbook.ErrNotFound)
	}
	line, err := change(inc)
	if err == nil && line.Kind != "" {
		err = e.putOne(ctx, key, indexes[key], inc)
	}
	return inc, line, err
}
