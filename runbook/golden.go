package runbook

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/secret"
)

// Golden holds predictions whose answers are stored: whoever serves must still answer
// them so. They are asked after a rollback, after a flip, and of a candidate before its
// first traffic where URL reaches it.
type Golden struct {
	// URL is where they are posted, as JSON. {version} and {backend} in it are those of
	// the side that is asked; without either it is the route that users take.
	URL string `yaml:"url" json:"url"`
	// File is JSONL beside the runbook, one case a line; it is read with it.
	File  string       `yaml:"file" json:"file,omitempty"`
	Cases []GoldenCase `yaml:"cases" json:"-"` // what is asked; with those of the file 50 at most of one version
	// Tolerance lets two numbers be equal, as a share of the stored one; default 0.1%.
	// Numbers without a fraction are equal or not.
	Tolerance Ratio    `yaml:"tolerance" json:"tolerance"`
	Ignore    []string `yaml:"ignore" json:"ignore,omitempty"` // fields that are not compared, e.g. request_id
	Timeout   Duration `yaml:"timeout" json:"timeout"`         // of one question, at most 10s; default 2s
	// TokenFile holds a bearer token that is sent with each, as the daemon sees the file;
	// a relative path begins beside the runbook. Only its name is ever in a runbook.
	TokenFile string `yaml:"token_file" json:"token_file,omitempty"`

	dir string // the runbook's
}

// A GoldenCase is one request and the answer to it, both JSON.
type GoldenCase struct {
	Name    string `yaml:"name" json:"name"`       // what messages call it; default its number
	Version string `yaml:"version" json:"version"` // whose answer it is; empty: every version's
	Request string `yaml:"request" json:"request"` // what is posted, JSON in single quotes
	Answer  string `yaml:"answer" json:"answer"`   // what must come back, JSON in single quotes
}

const (
	// MaxGolden is how many stored predictions one version may have.
	MaxGolden = 50

	maxGoldenLine = 256 << 10 // bytes
	maxGoldenFile = 8 << 20
)

// Of returns the cases that a version must answer.
func (g *Golden) Of(version string) []GoldenCase {
	var out []GoldenCase
	for _, c := range g.Cases {
		if c.Version == "" || c.Version == version {
			out = append(out, c)
		}
	}
	return out
}

// Reaches reports whether the URL names one side, so that a side can be asked that
// gets no traffic.
func (g *Golden) Reaches() bool {
	return strings.Contains(g.URL, "{version}") || strings.Contains(g.URL, "{backend}")
}

// At is the URL for one side.
func (g *Golden) At(version, backend string) string {
	return strings.NewReplacer("{version}", url.PathEscape(version), "{backend}", url.PathEscape(backend)).Replace(g.URL)
}

func (g *Golden) applyDefaults(p *decoder) {
	if g == nil {
		return
	}
	setDefault(p, "verification.golden.tolerance", &g.Tolerance, 0.001)
	setDefault(p, "verification.golden.timeout", &g.Timeout, Duration(2*time.Second))
	for i := range g.Cases {
		setDefault(p, fmt.Sprintf("verification.golden.cases[%d].name", i), &g.Cases[i].Name, fmt.Sprintf("case %d", i+1))
	}
}

func (g *Golden) check(p *decoder) {
	const at = "verification.golden"
	if g == nil {
		return
	}
	if u, err := url.Parse(g.At("v1", "b1")); g.URL == "" {
		p.missing(at+".url", "write where predictions are requested, e.g. http://{backend}.ranker.svc:8080/predict")
	} else if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		p.add(at+".url", fmt.Sprintf("%q is not an address", g.URL), "write e.g. http://{backend}.ranker.svc:8080/predict")
	} else if u.User != nil {
		p.add(at+".url", "holds a password", fixSecret)
	} else if name := secret.Parameter(u.Query()); name != "" {
		p.add(at+".url", fmt.Sprintf("holds a secret (%s)", name), fixSecret)
	}
	if strings.ContainsAny(g.TokenFile, " \t\r\n") {
		p.add(at+".token_file", "is not the name of a file", "name a file that holds the token; "+fixSecret)
	}
	if !p.has(at+".file") && len(g.Cases) == 0 {
		p.missing(at+".file", "name a JSONL file beside the runbook, one {\"request\": …, \"answer\": …} a line, or write cases")
	}
	p.share(at+".tolerance", g.Tolerance)
	p.positive(at+".timeout", g.Timeout)
	if g.Timeout > Duration(10*time.Second) {
		p.add(at+".timeout", fmt.Sprintf("%s is more than 10s", g.Timeout), "write 10s or less")
	}
	for i, c := range g.Cases {
		path := fmt.Sprintf("%s.cases[%d]", at, i)
		for field, text := range map[string]string{"request": c.Request, "answer": c.Answer} {
			if text == "" {
				p.missing(path+"."+field, "write it as JSON in single quotes")
			} else if !json.Valid([]byte(text)) {
				p.add(path+"."+field, "is not JSON", "write it as JSON in single quotes")
			}
		}
	}
	if what := g.tooMany(); what != "" {
		p.add(at+".cases", what, fixGolden)
	}
}

const fixSecret = "leave it out: runbooks are shown to people; write `token_file: FILE`, which the daemon reads"

// Token reads the bearer token, at each call anew, so that it may be replaced at any
// time. It is empty where none is named.
func (g *Golden) Token() (string, error) { return tokenOf(g.TokenFile, g.dir, "golden predictions") }

// tokenOf reads the one token of a file; a relative path begins in the runbook's folder.
func tokenOf(path, dir, whose string) (string, error) {
	if path == "" {
		return "", nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	text, err := secret.Read(path, secret.Group)
	if err != nil {
		return "", fmt.Errorf("read the token of %s: %w", whose, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("read the token of %s: %s does not hold one token", whose, path)
	}
	return token, nil
}

const fixGolden = "keep the most useful ones: every poll asks all of them"

func (g *Golden) tooMany() string {
	count := map[string]int{}
	for _, c := range g.Cases {
		count[c.Version]++
	}
	for version, n := range count {
		if version != "" {
			n += count[""]
		}
		if n > MaxGolden {
			return fmt.Sprintf("%d predictions for version %q are more than %d", n, version, MaxGolden)
		}
	}
	return ""
}

// read adds the cases of the file; dir is the runbook's. The token is read when it is used.
func (g *Golden) read(dir string) error {
	if g == nil {
		return nil
	}
	if g.dir = dir; g.File == "" {
		return nil
	}
	path := g.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	text, err := ReadFile(path, maxGoldenFile)
	if len(text) > maxGoldenFile {
		return Problems{{File: path, What: fmt.Sprintf("is longer than %d MiB", maxGoldenFile>>20), Fix: fixGolden}}
	}
	if err != nil {
		return fmt.Errorf("read golden predictions: %w", err)
	}
	problems := g.lines(path, text)
	if what := g.tooMany(); what != "" {
		problems = append(problems, Problem{File: path, Line: 1, What: what, Fix: fixGolden})
	}
	return problems.err()
}

func (g *Golden) lines(path string, text []byte) (problems Problems) {
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, maxGoldenLine)
	line := 0
	for in.Scan() {
		line++
		if len(problems) == maxProblems {
			return append(problems, Problem{path, line, "", "was not read: too many lines before it are wrong", "fix those first"})
		}
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		c, err := goldenLine(in.Bytes())
		if err != nil {
			problems = append(problems, Problem{path, line, "", err.Error(), `write {"name": …, "version": …, "request": …, "answer": …}; name and version may be left out`})
			continue
		}
		if c.Name == "" {
			c.Name = fmt.Sprintf("line %d", line)
		}
		g.Cases = append(g.Cases, c)
	}
	if in.Err() != nil {
		problems = append(problems, Problem{path, line + 1, "", fmt.Sprintf("is longer than %d KiB", maxGoldenLine>>10), fixGolden})
	} else if len(g.Cases) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{path, 1, "", "holds no prediction", "write one a line"})
	}
	return problems
}

func goldenLine(text []byte) (GoldenCase, error) {
	var c struct {
		Name, Version   string
		Request, Answer json.RawMessage
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return GoldenCase{}, fmt.Errorf("is not one: %w", err)
	}
	if d.More() {
		return GoldenCase{}, errors.New("has more after it")
	}
	if len(c.Request) == 0 || len(c.Answer) == 0 {
		return GoldenCase{}, errors.New("needs a request and an answer")
	}
	return GoldenCase{c.Name, c.Version, string(c.Request), string(c.Answer)}, nil
}
