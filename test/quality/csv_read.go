package quality

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A line is one scrape of one pod as it stands in a file.
type line struct {
	at     time.Duration // since the epoch
	role   runbook.Role
	pod    string
	weight float64
	values map[string]float64
	number int
}

// A Recording is somebody's release, read from CSV.
type Recording struct {
	Shape Shape
	Start time.Duration // the candidate's first row, since the epoch or whatever the file's times count from

	rows   []line
	at     int
	now    time.Duration
	begun  bool
	weight float64
	held   map[string]Reading
	out    []Scrape
}

// ReadCSV reads one release. Counters are cumulative, as Prometheus scrapes them; with
// increments, each value is what happened since the pod's row before. An interval of 0
// is read from the file. Errors name file and line.
func ReadCSV(file string, from io.Reader, interval time.Duration, increments bool) (*Recording, error) {
	r := csv.NewReader(from)
	r.Comment, r.TrimLeadingSpace = '#', true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: read header: %w", file, err)
	}
	rec := &Recording{weight: math.NaN(), held: map[string]Reading{}}
	names, err := rec.read(file, r, head)
	if err != nil {
		return nil, err
	}
	if len(rec.rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", file)
	}
	slices.SortStableFunc(rec.rows, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	if interval == 0 {
		interval = spacing(rec.rows)
	}
	if rec.Shape, err = shapeFrom(names, interval); err != nil {
		return nil, fmt.Errorf("%s:1: %w", file, err)
	}
	if err := rec.begin(file, increments); err != nil {
		return nil, err
	}
	return rec, nil
}

// read takes either form: a column for each counter, or one row for each value. It
// returns the counters' names.
func (rec *Recording) read(file string, r *csv.Reader, head []string) ([]string, error) {
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	place := map[string]int{}
	for i, name := range head {
		if _, twice := place[name]; twice {
			return nil, fmt.Errorf("%s:1: column %q is there twice", file, name)
		}
		place[name] = i
	}
	for _, name := range []string{columnTime, columnSide, columnPod} {
		if _, ok := place[name]; !ok {
			return nil, fmt.Errorf("%s:1: column %q is missing", file, name)
		}
	}
	_, long := place[columnMetric]
	if _, ok := place[columnValue]; long && !ok {
		return nil, fmt.Errorf("%s:1: column %q is missing", file, columnValue)
	}
	names, index := head, map[string]int{}
	if long {
		names = nil
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		at, _ := r.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		one, err := parseRow(cells, place)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, at, err)
		}
		one.number = at
		if !long {
			if one.values, err = parseValues(cells, head); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, at, err)
			}
			rec.rows = append(rec.rows, one)
			continue
		}
		metric := cells[place[columnMetric]]
		v, err := parseValue(metric, cells[place[columnValue]])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, at, err)
		}
		if !slices.Contains(names, metric) {
			names = append(names, metric)
		}
		key := fmt.Sprint(one.at, one.role, one.pod)
		i, known := index[key]
		if !known {
			i = len(rec.rows)
			index[key] = i
			one.values = map[string]float64{}
			rec.rows = append(rec.rows, one)
		}
		rec.rows[i].values[metric] = v
	}
}

func parseRow(cells []string, place map[string]int) (line, error) {
	out := line{pod: strings.TrimSpace(cells[place[columnPod]]), role: runbook.Role(strings.TrimSpace(cells[place[columnSide]]))}
	if out.role != runbook.Candidate && out.role != runbook.Stable {
		return out, fmt.Errorf("side: %q is neither candidate nor stable", out.role)
	}
	if out.pod == "" {
		return out, errors.New("pod: is empty")
	}
	var err error
	out.at, err = parseTime(strings.TrimSpace(cells[place[columnTime]]))
	return out, err
}

// parseTime reads seconds, of any beginning, or RFC 3339.
func parseTime(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(s) && math.Abs(s) < 9e9 {
		return time.Duration(s * float64(time.Second)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("time: %q is neither seconds nor RFC 3339", text)
	}
	return time.Duration(t.UnixNano()), nil
}

func parseValues(cells, head []string) (map[string]float64, error) {
	out := map[string]float64{}
	for i, name := range head {
		if name == columnTime || name == columnSide || name == columnPod || strings.TrimSpace(cells[i]) == "" {
			continue
		}
		v, err := parseValue(name, cells[i])
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

func parseValue(name, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s: %q is no count: a number from 0 up", name, text)
	}
	return v, nil
}

// spacing is the usual time between two rows of a pod, in whole seconds.
func spacing(rows []line) time.Duration {
	last := map[string]time.Duration{}
	var gaps []time.Duration
	for _, r := range rows {
		key := string(r.role) + r.pod
		if at, known := last[key]; known && r.at > at {
			gaps = append(gaps, r.at-at)
		}
		last[key] = r.at
	}
	if len(gaps) == 0 {
		return 30 * time.Second
	}
	slices.Sort(gaps)
	return max(time.Second, gaps[len(gaps)/2].Round(time.Second))
}
