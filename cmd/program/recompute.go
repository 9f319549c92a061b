package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// sameNumber is how far a significance may be from the one computed anew: scrapes that
// came late count in the interval of their timestamps then.
const sameNumber = 0.05

// recomputed holds the significance of an incident's breach against the counts in its
// folder. Text is empty where nothing was kept.
func recomputed(dir string) (text string, problems []report.Problem) {
	counts, err := find(dir, monitor.RecordName)
	if err != nil {
		return "", nil
	}
	bad := func(format string, args ...any) (string, []report.Problem) {
		return "", []report.Problem{{File: counts, What: fmt.Sprintf(format, args...)}}
	}
	f, err := os.Open(filepath.Join(dir, counts))
	if err != nil {
		return bad("%v", err)
	}
	defer f.Close()
	again, err := monitor.Recompute(f)
	if err != nil {
		return bad("%v", err)
	}
	breach, err := readBreach(filepath.Join(dir, filepath.Dir(counts), "breach.json"))
	if err != nil {
		return bad("%v", err)
	}
	sig, got := breach.Significance, again.Results[breach.Trigger].Significance
	switch {
	case !again.At.Equal(sig.At):
		return bad("its counts end at %s, and the decision was made of %s", again.At, sig.At)
	case sig.Method != analysis.Method:
		return fmt.Sprintf("significance of %s was %.4g by method %s; this program computes it by %s: %.4g", breach.Trigger, sig.Value, sig.Method, analysis.Method, got), nil
	case math.Abs(got-sig.Value) > sameNumber*sig.Value && !(got > 1e300 && sig.Value > 1e300):
		return bad("significance of %s was %.4g and comes to %.4g", breach.Trigger, sig.Value, got)
	}
	return fmt.Sprintf("significance of %s at %s computed anew: %.4g, as it was decided on (%.4g)", breach.Trigger, sig.At.UTC().Format("15:04:05"), got, sig.Value), nil
}

func readBreach(path string) (record.Breach, error) {
	var b record.Breach
	text, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// find returns the first file of that name below a folder, relative to it.
func find(dir, name string) (string, error) {
	found := ""
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			found = path
			return fs.SkipAll
		}
		return err
	})
	if err == nil && found == "" {
		err = errors.New(name + " is not there")
	}
	return found, err
}
