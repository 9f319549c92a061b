package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// due reports whether the calendar has come since old folders were last removed.
func (a *Archiver) due(last, now time.Time) bool {
	return a.opts.Where != "" && a.opts.KeepLocal > 0 && !a.opts.Calendar.Next(last).After(now)
}

// clean removes old folders from this machine, each once the archive has given back all of it.
func (a *Archiver) clean(ctx context.Context, now time.Time) {
	all, err := a.opts.Folder.Homes()
	if err != nil {
		a.log.Warn("list evidence", zap.Error(err))
		return
	}
	for _, home := range all {
		why, err := a.keeps(ctx, home, now)
		if err == nil && why == "" {
			err = a.removeHome(ctx, home)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			a.metrics.failures.Inc()
			a.log.Warn("remove old evidence: it stays", zap.String("folder", home.Name), zap.Error(err))
		}
	}
}

// keeps says why a folder stays; empty: it is old, and its incident is over and archived. An incident that
// the store has no more was over long ago. A store that does not answer is an error.
func (a *Archiver) keeps(ctx context.Context, home audit.Home, now time.Time) (string, error) {
	old := now.Add(-a.opts.KeepLocal)
	inc, err := a.records.Incident(ctx, home.Incident)
	switch {
	case errors.Is(err, runbook.ErrNotFound), err == nil && !inc.OpenedAt.Equal(home.OpenedAt): // another one of the same id
		if home.OpenedAt.After(old) {
			return "it is young", nil
		}
	case err != nil:
		return "", err
	case inc.Phase != record.Done:
		return "its incident is open", nil
	case inc.ClosedAt.IsZero() || inc.ClosedAt.After(old):
		return "it is young", nil
	case !inc.InArchive() || inc.Archived.Digest != home.Digest:
		return "it is not archived", nil
	}
	return "", nil
}

// removeHome reads the copy back once more, and then removes the folder.
func (a *Archiver) removeHome(ctx context.Context, home audit.Home) error {
	if found := audit.Check(filepath.Join(a.opts.Folder.Dir, home.Name)); len(found.Problems) > 0 {
		return fmt.Errorf("it was altered: %w", found.Problems[0])
	}
	name := objectName(home.Incident, home.Digest)
	answer, err := a.helper.Do(ctx, keeper.Request{Task: keeper.Verify, Archive: a.opts.Where, Name: name, Digest: home.Digest})
	if err != nil {
		return err
	}
	if err := a.opts.Folder.Remove(home.Name); err != nil {
		return err
	}
	a.metrics.removed.Inc()
	text := fmt.Sprintf("%s, %s: %d files are in %s", home.Name, home.Digest, answer.Files, below(a.opts.Where, name))
	a.log.Info("evidence removed from this machine", zap.String("folder", text))
	return a.journal.Append(home.Incident, record.Record{At: time.Now().UTC(), Kind: "evidence_removed", Text: text})
}
