package backtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// A TSDB is a Prometheus data folder as a [Source]. Nothing in it is written, and no
// lock is taken: a copy or a snapshot is best, since a running Prometheus deletes
// blocks.
type TSDB struct {
	db      *tsdb.DBReadOnly
	querier storage.Querier
	parser  parser.Parser
	work    string
}

// OpenTSDB opens the folder that holds the blocks and the write-ahead log. Links and
// other by-products go into a temporary folder.
func OpenTSDB(dir string) (*TSDB, error) {
	if !looksLikeTSDB(dir) {
		return nil, fmt.Errorf("open TSDB %s: it holds neither blocks nor a wal; name Prometheus' --storage.tsdb.path, or a snapshot's folder", dir)
	}
	work, err := os.MkdirTemp("", "autorollback-tsdb-")
	if err != nil {
		return nil, fmt.Errorf("open TSDB %s: %w", dir, err)
	}
	t := &TSDB{parser: parser.NewParser(parser.Options{}), work: work}
	if err := t.open(dir); err != nil {
		t.Close()
		return nil, fmt.Errorf("open TSDB %s: %w", dir, err)
	}
	return t, nil
}

func looksLikeTSDB(dir string) bool {
	for _, pattern := range []string{"wal", filepath.Join("*", "meta.json")} {
		if found, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func (t *TSDB) open(dir string) (err error) {
	if t.db, err = tsdb.OpenDBReadOnly(dir, t.work, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	// The whole of time: the log is read once, and each Read says what it wants.
	forEver := time.Now().AddDate(10, 0, 0).UnixMilli()
	if _, err := os.Stat(filepath.Join(dir, "wal")); err != nil {
		// Without a log there is nothing beyond the blocks, and looking for it is an error.
		if forEver, err = t.lastBlock(); err != nil {
			return err
		}
	}
	t.querier, err = t.db.Querier(0, forEver)
	return err
}

// lastBlock is just before the newest block's end.
func (t *TSDB) lastBlock() (int64, error) {
	blocks, err := t.db.Blocks()
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, b := range blocks {
		newest = max(newest, b.Meta().MaxTime-1)
	}
	return newest, nil
}

// Read implements [Source].
func (t *TSDB) Read(ctx context.Context, selector string, from, to time.Time) ([]Stretch, error) {
	matchers, err := t.parser.ParseMetricSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("parse selector %q: %w", selector, err)
	}
	hints := &storage.SelectHints{Start: from.UnixMilli() + 1, End: to.UnixMilli()}
	found := t.querier.Select(ctx, false, hints, matchers...)
	var out []Stretch
	var it chunkenc.Iterator
	for found.Next() {
		series := found.At()
		it = series.Iterator(it)
		samples, err := drain(it)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", series.Labels(), err)
		}
		if samples = clip(samples, from, to); len(samples) > 0 {
			out = append(out, Stretch{series.Labels(), samples})
		}
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", selector, err)
	}
	return out, nil
}

func drain(it chunkenc.Iterator) ([]Sample, error) {
	var out []Sample
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		switch kind {
		case chunkenc.ValFloat:
			at, v := it.At()
			out = append(out, Sample{At: at, Value: v})
		default:
			at, h := it.AtFloatHistogram(nil)
			out = append(out, Sample{At: at, Histogram: h})
		}
	}
	return out, it.Err()
}

// Close lets go of the folder.
func (t *TSDB) Close() error {
	if t.querier != nil {
		t.querier.Close()
	}
	var err error
	if t.db != nil {
		err = t.db.Close()
	}
	os.RemoveAll(t.work)
	return err
}

// newestStep is how much Newest reads at once, and newestSpan how far it goes back.
const (
	newestStep = 2 * time.Hour
	newestSpan = 2 * 365 * 24 * time.Hour
)

// Newest is the moment of the newest sample that matches the selector, the zero time
// if there is none in the last two years.
func (t *TSDB) Newest(ctx context.Context, selector string) (time.Time, error) {
	now := time.Now()
	for to := now; now.Sub(to) < newestSpan; to = to.Add(-newestStep) {
		all, err := t.Read(ctx, selector, to.Add(-newestStep), to)
		if err != nil {
			return time.Time{}, err
		}
		newest := int64(0)
		for _, s := range all {
			newest = max(newest, s.Samples[len(s.Samples)-1].At)
		}
		if newest > 0 {
			return time.UnixMilli(newest).UTC(), nil
		}
	}
	return time.Time{}, nil
}
