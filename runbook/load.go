// Package runbook holds the nouns of autorollback: the runbook a team writes for
// one model service, and what happens to a release of that service: alert, breach,
// incident, decision, change, verdict, record. It loads and checks runbook and
// release files.
//
// It never does I/O beyond reading files, starts nothing and reads no clock.
package runbook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Load reads and checks one runbook file. A file with mistakes returns [Problems]:
// all of them, sorted by line.
func Load(path string) (*Runbook, error) { return Places(nil).Load(path) }

// Load is [Load] for regions that are in these places.
func (places Places) Load(path string) (*Runbook, error) {
	text, err := ReadFile(path, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read runbook: %w", err)
	}
	rb, err := places.Parse(path, text)
	if err == nil {
		rb.Evidence.in(filepath.Dir(path))
		err = rb.Verification.Golden.read(filepath.Dir(path))
	}
	if err != nil {
		return nil, err
	}
	return rb, nil
}

// ReadFile reads a file of at most so many bytes. A longer one, or one without an end, is an error.
func ReadFile(path string, most int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if len(text) > most {
		err = fmt.Errorf("%s has more than %d bytes; write a shorter file", path, most)
	}
	return text, err
}

// LoadDir reads every *.yaml and *.yml file of the directory, sorted by name, and
// returns the mistakes of all files together. A second runbook of the same service
// is a mistake.
func LoadDir(dir string) ([]*Runbook, error) { return Places(nil).loadDir(dir) }

func (places Places) loadDir(dir string) ([]*Runbook, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read runbooks: %w", err)
	}
	var all []*Runbook
	var problems Problems
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		rb, err := places.Load(filepath.Join(dir, entry.Name()))
		var found Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
			continue
		case err != nil:
			return nil, err
		}
		if i := slices.IndexFunc(all, func(o *Runbook) bool { return o.Service == rb.Service }); i >= 0 {
			problems = append(problems, Problem{
				rb.File, rb.line, "service",
				fmt.Sprintf("%s already has a runbook in %s", rb.Service, all[i].File), "keep one runbook per service",
			})
		}
		all = append(all, rb)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return all, nil
}

// Parse reads and checks the text of one runbook file; file is its name in messages.
// The error is [Problems].
func Parse(file string, text []byte) (*Runbook, error) { return Places(nil).Parse(file, text) }

// Parse is [Parse] for regions that are in these places.
func (places Places) Parse(file string, text []byte) (*Runbook, error) {
	p := newDecoder(file)
	p.places = places
	rb := &Runbook{File: file, Digest: digest(text)}
	err := p.read(text, rb, begin, func(p *decoder) {
		rb.line = p.line("service")
		rb.applyDefaults(p)
		rb.check(p)
	})
	if err != nil {
		return nil, err
	}
	return rb, nil
}

// begin is what an empty file is told.
const begin = "start from `autorollback runbook new canary --service NAME`"

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// LoadAll loads files and folders; a service may have one runbook only.
func LoadAll(paths ...string) ([]*Runbook, error) { return Places(nil).LoadAll(paths...) }

// LoadAll is [LoadAll] for regions that are in these places.
func (places Places) LoadAll(paths ...string) ([]*Runbook, error) {
	var all []*Runbook
	from := map[string]string{}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("read runbooks: %w", err)
		}
		var some []*Runbook
		if info.IsDir() {
			some, err = places.loadDir(p)
		} else {
			var one *Runbook
			one, err = places.Load(p)
			some = []*Runbook{one}
		}
		if err != nil {
			return nil, err
		}
		for _, rb := range some {
			if other, ok := from[rb.Service]; ok {
				return nil, fmt.Errorf("%s: service %s has a runbook already: %s; keep one", rb.File, rb.Service, other)
			}
			from[rb.Service] = rb.File
			all = append(all, rb)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no runbook (*.yaml, *.yml) in %v; start one with: autorollback runbook new canary --service NAME", paths)
	}
	return all, nil
}
