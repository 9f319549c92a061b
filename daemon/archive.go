package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/archive"
	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/holds"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Archive says where sealed evidence is copied, and for how long it stays here as well.
type Archive struct {
	URL string // empty: nowhere
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
	}
	if cfg.Local > 0 {
		var err error
		if o.Calendar, err = runbook.ParseCalendar(cfg.RemoveAt, "UTC"); err != nil {
			return OptionError{fmt.Errorf("--evidence.remove-at: %w", err)}
		}
		if cfg.URL == "" {
			return OptionError{errors.New("--evidence.keep-local removes only what is in an archive: name --evidence.archive as well")}
		}
	}
	if _, err := keeper.Find(d.cfg.Keeper); err != nil && (cfg.URL != "" || d.cfg.Images.Hold || d.cfg.Images.Check) {
		d.log.Error("no evidence is archived, and no image is held or found", zap.Error(err),
			zap.String("instead", "put "+keeper.Name+" beside this program, or name it with --keeper.path"))
	}
	d.archive = archive.New(d.set, d.helper(), journal, reg, d.log, o)
	d.holder = holds.New(d.set, d.helper(), reg, d.log, d.cfg.ReconcileEvery, d.cfg.Images.Hold)
	return nil
}

// helper is the program that archives evidence and holds images.
func (d *Daemon) helper() keeper.Program {
	return keeper.Program{Path: d.cfg.Keeper, Within: keepWithin}
}

// keeping is the set of regions with what is kept elsewhere: how that stands, and whether a release's
// images are there.
type keeping struct {
	*regions.Set
	archive *archive.Archiver
	holder  *holds.Holder
	helper  keeper.Program
	check   bool // of images, at the start of a release
}

// Status is how everything stands.
func (k keeping) Status(ctx context.Context) (view.Status, error) {
	st, err := k.Set.Status(ctx)
	st.Archive, st.Holds = k.archive.Stand(), k.holder.Stand()
	return st, err
}

// findWithin is how long a registry may take to say whether it has an image.
const findWithin = 5 * time.Second

// Start begins a release whose images are in their registries, if that is to be checked.
func (k keeping) Start(ctx context.Context, l runbook.Launch, by record.Caller) (record.Release, error) {
	for _, side := range []runbook.LaunchSide{l.Candidate, l.Stable} {
		if !k.check {
			break
		}
		image := side.Bundle.Model.Image
		a, err := k.helper.Do(ctx, keeper.Request{Task: keeper.FindImage, Image: image, Within: findWithin})
		if err != nil {
			return record.Release{}, fmt.Errorf("%w: whether the image of %s is there: %w", runbook.ErrLater, side.Version, err)
		}
		if !a.Found {
			return record.Release{}, runbook.Refuse("the registry has no image %s, which %s is to run", image, side.Version)
		}
	}
	return k.Set.Start(ctx, l, by)
}
