package backtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/test/servers"
)

// prometheusOn starts a real Prometheus on a copy of a data folder.
func prometheusOn(t *testing.T, dir string) Remote {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.Join("data", name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := promapi.New(servers.Prometheus(t, "", files).URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Remote{API: client}
}

// What a real Prometheus hands out is what stands in its folder, sample by sample,
// native histograms too.
func TestRemoteReadsWhatTheFolderHolds(t *testing.T) {
	pods := slices.Concat(pastPods("v1", 2, 10, 0, time.Hour), pastPods("v2", 1, 5, 10*time.Minute, 20*time.Minute))
	dir := pastTSDB(t, pods, 30*time.Minute, true)
	folder, err := OpenTSDB(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	remote := prometheusOn(t, dir)
	gridded := Remote{API: remote.API, Step: 15 * time.Second}
	from, to := pastStart.Add(5*time.Minute), pastStart.Add(25*time.Minute)
	for _, selector := range []string{`requests_total{job="ranker"}`, `{__name__="latency_seconds"}`} {
		want, got := read(t, folder, selector, from, to), read(t, remote, selector, from, to)
		if len(want) < 3 || !reflect.DeepEqual(want, got) {
			t.Errorf("%s: the folder has %d series, Prometheus hands out %d, and they differ", selector, len(want), len(got))
		}
		halved := read(t, Remote{API: refusing{remote.API, 6 * time.Minute}}, selector, from, to)
		if !reflect.DeepEqual(want, halved) {
			t.Errorf("%s: asked in pieces, the answer differs", selector)
		}
		for key, samples := range read(t, gridded, selector, from, to) {
			if n := len(want[key]); len(samples) < n || want[key] == nil {
				t.Errorf("query_range of %s: %d samples, want at least %d", key, len(samples), n)
			}
		}
	}
	at, err := folder.Newest(t.Context(), `requests_total{job="ranker"}`)
	if err != nil || !at.Equal(pastStart.Add(30*time.Minute)) {
		t.Errorf("newest sample at %s, %v", at, err)
	}
}

// read lists the samples of each series as text.
func read(t *testing.T, s Source, selector string, from, to time.Time) map[string][]string {
	t.Helper()
	all, err := s.Read(t.Context(), selector, from, to)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, one := range all {
		for _, x := range one.Samples {
			text := fmt.Sprint(x.At, x.Value)
			if x.Histogram != nil {
				text = fmt.Sprint(x.At, x.Histogram.Compact(0), x.Histogram.Sum)
			}
			out[one.Labels.String()] = append(out[one.Labels.String()], text)
		}
	}
	return out
}

// refusing is a Prometheus that finds long questions too large.
type refusing struct {
	promapi.API
	longest time.Duration
}

func (r refusing) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	text := query[strings.LastIndex(query, "[")+1 : len(query)-1]
	if d, err := model.ParseDuration(text); err != nil || time.Duration(d) > r.longest {
		return nil, nil, &promapi.Error{Type: promapi.Execution, Msg: "query processing would load too many samples into memory"}
	}
	return r.API.Query(ctx, query, at)
}

func TestPartialAnswerIsNoHistory(t *testing.T) {
	_, err := Remote{API: partial{}}.Read(t.Context(), "up", pastStart, pastStart.Add(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "partial") {
		t.Errorf("got %v", err)
	}
}

type partial struct{}

func (partial) Query(context.Context, string, time.Time) (model.Value, promapi.Warnings, error) {
	return model.Matrix{}, promapi.Warnings{"one store is away"}, nil
}

func (partial) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("not asked")
}

// A replay reads each of the service's series once, and nothing that the daemon or
// the rules write.
func TestNeeds(t *testing.T) {
	rb := pastBook(t, false)
	g, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	n, err := needs(rb, g)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{job="ranker",__name__="latency_seconds_bucket"}`, `{job="ranker",__name__="model_ready"}`,
		`{job="ranker",__name__="offers_total"}`, `{job="ranker",__name__="requests_total"}`, `{job="ranker",__name__="sales_total"}`,
	}
	if !slices.Equal(n.selectors, want) {
		t.Errorf("selectors:\n%s", strings.Join(n.selectors, "\n"))
	}
	if n.before < 5*time.Minute || n.before > 2*time.Hour {
		t.Errorf("looks back %s", n.before)
	}
}

func TestOpenTSDBRefusesOtherFolders(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenTSDB(dir); err == nil || !strings.Contains(err.Error(), "--storage.tsdb.path") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// The edge belongs to the stretch before it, whatever a server answers.
func TestClip(t *testing.T) {
	from := pastStart.UnixMilli()
	var all []Sample
	for _, at := range []int64{-1, 0, 5, 5, 10, 11} {
		all = append(all, Sample{At: from + at})
	}
	if got := clip(all, pastStart, pastStart.Add(10*time.Millisecond)); len(got) != 2 || got[0].At != from+5 || got[1].At != from+10 {
		t.Errorf("got %+v", got)
	}
}
