package trail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// recomputed holds what an incident was decided on against what its folder gives: the
// significance against the counts, and the decision against its inputs. What was not kept says
// nothing.
func recomputed(dir string) (texts []string, problems []audit.Problem) {
	bad := func(file, what string) { problems = append(problems, audit.Problem{File: file, What: what}) }
	said := func(file string, r view.Recheck) {
		if r.Known && !r.Agrees {
			bad(file, r.Text)
			return
		}
		texts = append(texts, r.Text)
	}
	if counts, err := find(dir, monitor.RecordName); err == nil {
		if r, err := recheck(dir, counts); err != nil {
			bad(counts, err.Error())
		} else {
			said(counts, r)
		}
	}
	if path, err := find(dir, "decision.json"); err == nil {
		var d struct {
			Decision record.Decision `json:"decision"`
			Inputs   *record.Inputs  `json:"inputs"`
		}
		if err := readJSON(filepath.Join(dir, path), &d); err != nil {
			bad(path, err.Error())
		} else if d.Decision.Guard != "" {
			said(path, policy.Again(d.Inputs, d.Decision))
		}
	}
	return texts, problems
}

// recheck computes the significance of the breach that stands beside the counts.
func recheck(dir, counts string) (view.Recheck, error) {
	var b record.Breach
	if err := readJSON(filepath.Join(dir, filepath.Dir(counts), "breach.json"), &b); err != nil {
		return view.Recheck{}, err
	}
	f, err := os.Open(filepath.Join(dir, counts))
	if err != nil {
		return view.Recheck{}, err
	}
	defer f.Close()
	return monitor.Recheck(f, b)
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
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
