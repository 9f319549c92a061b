package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/archive"
	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Archive says where sealed evidence is copied, and for how long it stays here as well.
type Archive struct {
	URL    string // empty: nowhere
	Keeper string // the helper program; empty: beside this one
	// Local is for how long a folder that is archived stays here, 0: for ever. RemoveAt is when
	// old ones are removed, as cron's five fields, in UTC.
	Local    runbook.Duration
	RemoveAt string
}

// keepWithin is how long the helper may take for one folder.
const keepWithin = 10 * time.Minute

// openArchive makes the archiver. A helper that is missing keeps no daemon from its work: nothing is
// archived until it is there, which status, doctor and the log say.
func (d *Daemon) openArchive(journal *audit.Journal, reg prometheus.Registerer) error {
	cfg := d.cfg.Archive
	o := archive.Options{Where: cfg.URL, Folder: audit.Folder{Dir: d.cfg.Evidence}, Every: d.cfg.ReconcileEvery, KeepLocal: cfg.Local.Std()}
	if cfg.URL != "" {
		if err := keeper.CheckArchive(cfg.URL); err != nil {
			return OptionError{fmt.Errorf("--evidence.archive: %w", err)}
		}
		if _, err := keeper.Find(cfg.Keeper); err != nil {
			d.log.Error("no evidence is archived", zap.Error(err), zap.String("instead", "put "+keeper.Name+" beside this program, or name it with --evidence.keeper"))
		}
	}
	if cfg.Local > 0 {
		var err error
		if o.Calendar, err = runbook.ParseCalendar(cfg.RemoveAt, "UTC"); err != nil {
			return OptionError{fmt.Errorf("--evidence.remove-at: %w", err)}
		}
		if cfg.URL == "" {
			return OptionError{fmt.Errorf("--evidence.keep-local removes only what is in an archive: name --evidence.archive as well")}
		}
	}
	d.archive = archive.New(d.set, keeper.Program{Path: cfg.Keeper, Within: keepWithin}, journal, reg, d.log, o)
	return nil
}

// archiving is the set of regions, with the archive in its status.
type archiving struct {
	*regions.Set
	archive *archive.Archiver
}

// Status is how everything stands.
func (a archiving) Status(ctx context.Context) (view.Status, error) {
	st, err := a.Set.Status(ctx)
	st.Archive = a.archive.Stand()
	return st, err
}
