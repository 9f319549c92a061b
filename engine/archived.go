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
	key := store.IncidentKey(id)
	for try := 1; ; try++ {
		inc, err := e.archived(ctx, key, a)
		if errors.Is(err, store.ErrConflict) && try < tries {
			continue
		}
		if err != nil || inc == nil {
			return err
		}
		e.keepIncidents(*inc)
		e.write(id, record.Record{At: time.Now().UTC(), Kind: "archived", Text: fmt.Sprintf("%d files, %s, in %s", a.Files, a.Digest, a.Where)})
		return nil
	}
}

// archived writes the incident once; nil: it says so already.
func (e *Engine) archived(ctx context.Context, key string, a record.Archived) (*record.Incident, error) {
	indexes := map[string]uint64{}
	inc, err := fetch[record.Incident](ctx, e.store, key, indexes)
	switch {
	case err != nil:
		return nil, later(err)
	case inc == nil:
		return nil, fmt.Errorf("%s: %w", key, runbook.ErrNotFound)
	case !inc.Sealed() || inc.EvidenceDigest != a.Digest:
		return nil, fmt.Errorf("%s was sealed as %q, and the archive has %s", key, inc.EvidenceDigest, a.Digest)
	case inc.InArchive():
		e.keepIncidents(*inc)
		return nil, nil
	}
	inc.Archived = &a
	return inc, e.putOne(ctx, key, indexes[key], inc)
}
