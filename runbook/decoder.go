package runbook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A decoder is one file while it is read: where each field stands and what is wrong.
type decoder struct {
	file     string
	lines    map[string]int  // of every field present, by path
	bad      map[string]bool // paths that already have a problem
	problems Problems
	more     int // problems that are only counted
	left     int // nodes that may still be visited: aliases multiply
	places   Places
}

// What a file may be. Each is far beyond an honest one.
const (
	MaxFile     = 1 << 20 // bytes
	maxNodes    = 20_000  // keys and values, those that aliases multiply included
	maxProblems = 20      // told; further ones are counted
	maxSaid     = 600     // bytes of each part of a problem
)

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: map[string]int{"": 1}, bad: map[string]bool{}, left: maxNodes}
}

// spend reports whether one more node may be visited.
func (p *decoder) spend() bool {
	p.left--
	if p.left == 0 {
		p.add("", fmt.Sprintf("has more than %d values: aliases multiply them", maxNodes), "write the values out, in a shorter file")
	}
	return p.left > 0
}

// has reports whether the field was written in the file, with whatever value.
func (p *decoder) has(path string) bool { _, ok := p.lines[path]; return ok }

// line is where the field stands, or the nearest field around it.
func (p *decoder) line(path string) int {
	for {
		if n, ok := p.lines[path]; ok {
			return n
		}
		path = parent(path)
	}
}

// add notes a problem, unless the field or one around it already has one: one
// mistake, one message.
func (p *decoder) add(path, what, fix string) {
	for at := path; ; at = parent(at) {
		if p.bad[at] {
			return
		}
		if at == "" {
			break
		}
	}
	if p.full() {
		return
	}
	p.bad[path] = true
	p.problems = append(p.problems, Problem{p.file, p.line(path), said(path), said(what), said(fix)})
}

// full counts one more problem if it is no longer told.
func (p *decoder) full() bool {
	if len(p.problems) < maxProblems {
		return false
	}
	p.more++
	return true
}

// said is the beginning of a text that may be from the file, without what a terminal obeys.
func said(s string) string {
	end := ""
	if len(s) > maxSaid {
		s, end = strings.ToValidUTF8(s[:maxSaid], ""), "…"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(s) {
		quoted := strconv.Quote(s)
		s = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	}
	return s + end
}

// err is every problem that is told, sorted by line, and how many there are beside.
func (p *decoder) err() error {
	err := p.problems.err()
	if p.more > 0 {
		return append(p.problems, Problem{What: fmt.Sprintf("and %d more", p.more)})
	}
	return err
}

// missing notes that a required field was not written.
func (p *decoder) missing(path, fix string) { p.add(path, "is missing", fix) }

func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// join is the path of a key; of a long one, its beginning.
func join(path, key string) string {
	if len(key) > maxWord {
		key = strings.ToValidUTF8(key[:maxWord], "") + "…"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Decode reads the only document of a file, YAML or JSON, into v, a pointer, as strictly as a
// runbook. check looks at what was read and notes further mistakes, each at the path of a
// field. empty says what belongs into an empty file; without it an empty file leaves v as it
// is. The error is [Problems].
func Decode(file string, text []byte, v any, empty string, check func(Check)) error {
	return read(file, text, v, empty, func(p *decoder) { check(p.add) })
}

// A Check notes a mistake at the path of a field, e.g. "triggers[0].for".
type Check func(path, what, fix string)

// Want notes the mistake unless ok.
func (note Check) Want(ok bool, path, what, fix string) {
	if !ok {
		note(path, what, fix)
	}
}

func read(file string, text []byte, v any, empty string, check func(*decoder)) error {
	return newDecoder(file).read(text, v, empty, check)
}

func (p *decoder) read(text []byte, v any, empty string, check func(*decoder)) error {
	if node, ok := p.one(text, empty); ok {
		p.decode(node, reflect.ValueOf(v).Elem(), "")
		if p.left > 0 { // or what is missing was only not read
			check(p)
		}
	}
	return p.err()
}

// fits reports whether a text may be parsed at all: each value of YAML begins behind one of these.
func (p *decoder) fits(text []byte) bool {
	switch {
	case len(text) > MaxFile:
		p.add("", fmt.Sprintf("has more than %d bytes", MaxFile), "write a shorter file")
	case separators(text) > 2*maxNodes:
		p.add("", fmt.Sprintf("has more than %d keys and values", maxNodes), "write a shorter file")
	default:
		return true
	}
	return false
}

func separators(text []byte) (n int) {
	for _, c := range text {
		switch c {
		case '\n', '\r', ',', ':', '-', '?', '[', '{', '!', '&', '*':
			n++
		}
	}
	return n
}

// one returns the file's only YAML document.
func (p *decoder) one(text []byte, empty string) (*yaml.Node, bool) {
	if !p.fits(text) {
		return nil, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null") {
		if empty == "" {
			return &yaml.Node{Kind: yaml.MappingNode}, true
		}
		p.add("", "the file is empty", empty)
		return nil, false
	}
	if err == nil {
		if err = dec.Decode(&second); errors.Is(err, io.EOF) {
			return doc.Content[0], true
		}
	}
	if err != nil {
		p.syntax(err)
		return nil, false
	}
	p.lines[""] = second.Line
	p.add("", "a second YAML document begins here", "write one document per file")
	return nil, false
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntax notes an error of the YAML reader, which says its line only in words.
func (p *decoder) syntax(err error) {
	what := err.Error()
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		if n, _ := strconv.Atoi(m[1]); n > 0 {
			p.lines[""] = n
		}
		what = m[2]
	}
	p.add("", fmt.Sprintf("not YAML: %s", what), "check indentation, quotes and colons near this line")
}

const maxWord = 200 // bytes of what can be a word at all

// Nearest returns the known word that was most likely meant, or "".
func Nearest(word string, known []string) string {
	best, least := "", 1+max(1, len(word)/3)
	if len(word) > maxWord {
		return ""
	}
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours that turn one word into the other (optimal string alignment).
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				row[j] = above[j-1]
				continue
			}
			row[j] = 1 + min(above[j-1], above[j], row[j-1])
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], 1+before[j-2])
			}
		}
	}
	return row[len(b)]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// What a listener and the command line must be able to tell apart. Everything
// else is an accident.
var (
	// ErrNotFound means that there is no such release, incident, approval or bundle.
	ErrNotFound = errors.New("not found")
	// ErrRefused means that a rule forbids it; asking again gives the same answer.
	// Make one with [Refuse], so that the message is only the reason.
	ErrRefused = errors.New("refused")
	// ErrForbidden is a refusal of this person; another one may. Make one with [Forbid].
	ErrForbidden = errors.New("forbidden")
	// ErrSecond is a refusal of one person alone: the order waits for another one to give it as
	// well. Make one with [AwaitSecond].
	ErrSecond = errors.New("it waits for a second person")
	// ErrConflict means that the plan the question rests on is no longer the plan:
	// look again and decide again.
	ErrConflict = errors.New("the plan has changed")
	// ErrLater means that it cannot be done now (store or Prometheus unreachable,
	// overloaded, stopping): nothing is lost by asking again.
	ErrLater = errors.New("not now, try again")
)

// Refuse returns an error whose text is the sentence and which is [ErrRefused].
func Refuse(format string, args ...any) error {
	return refusal(fmt.Sprintf(format, args...))
}

// Forbid is like [Refuse], of an error that is [ErrForbidden] as well.
func Forbid(format string, args ...any) error {
	return forbidden{refusal(fmt.Sprintf(format, args...))}
}

// AwaitSecond is like [Refuse], of an error that is [ErrSecond] as well.
func AwaitSecond(format string, args ...any) error {
	return alone{refusal(fmt.Sprintf(format, args...))}
}

type alone struct{ refusal }

func (alone) Is(target error) bool { return target == ErrSecond || target == ErrRefused }

type refusal string

func (r refusal) Error() string      { return string(r) }
func (refusal) Is(target error) bool { return target == ErrRefused }

type forbidden struct{ refusal }

func (forbidden) Is(target error) bool { return target == ErrForbidden || target == ErrRefused }

// A Problem is one mistake in a file: where it is, which field, what is wrong and
// how to fix it.
type Problem struct {
	File  string
	Line  int // 1-based; 0 if the value came from no file
	Field string
	What  string
	Fix   string
}

// Error returns "FILE:LINE: FIELD: what; fix", without the parts that are empty.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	}
	if p.Field != "" {
		fmt.Fprintf(&b, "%s: ", p.Field)
	}
	b.WriteString(p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems is every mistake found in one file, sorted by line. It is never returned
// empty as an error.
type Problems []Problem

// Error returns one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns the problems sorted by line, or nil if there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}

// wrong is a value's mistake before anybody knows where it stands.
type wrong struct{ what, fix string }

func (w wrong) Error() string { return w.what + "; " + w.fix }
