package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageCSS string

var pageStyle = pageCSS + chart.Style

// StyleHash returns the source expression, 'sha256-…' with its quotes, that a
// Content-Security-Policy needs in style-src to allow the page's inline style, and
// nothing else.
func StyleHash() string { return styleHash(pageStyle) }

func styleHash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// PagePolicy returns the Content-Security-Policy of a page that needs nothing but its own
// inline style.
func PagePolicy(style string) string { return "default-src 'none'; style-src " + styleHash(style) }

// HTML returns the incident's page as one file: inline style, no script, nothing
// fetched. rb may be nil.
func HTML(inc record.Incident, rb *runbook.Runbook, opts Options) []byte {
	tmpl := template.Must(template.New("page").Funcs(template.FuncMap{"parts": parts, "tight": tight}).Parse(pageTemplate))
	var out bytes.Buffer
	err := tmpl.Execute(&out, struct {
		page
		Style  template.CSS
		Policy string
	}{newPage(inc, rb, opts), template.CSS(pageStyle), PagePolicy(pageStyle)})
	if err != nil {
		// The template is ours and every field of it exists: a test renders them all.
		return fmt.Appendf(nil, "<!doctype html><title>incident</title><p>The page could not be made: %s", template.HTMLEscapeString(err.Error()))
	}
	return out.Bytes()
}

// Export is HTML as of the incident's last moment, without what changes beside it: the same incident
// gives the same bytes.
func Export(inc record.Incident, rb *runbook.Runbook, opts Options) []byte {
	opts.Now, opts.Regions = lastMoment(inc), nil
	return HTML(inc, rb, opts)
}

// A part of a sentence is words, or a command that somebody may copy.
type part struct {
	Text    string
	Command bool
}

// command is one of ours in a sentence: up to where the sentence continues.
var command = regexp.MustCompile(`autorollback [a-z][a-z-]*(?: [^\s,;()]*[^\s,;:()])*`)

// parts takes the commands of a sentence apart from its words.
func parts(sentence string) (all []part) {
	at := 0
	for _, m := range command.FindAllStringIndex(sentence, -1) {
		all = append(all, part{Text: sentence[at:m[0]]}, part{sentence[m[0]:m[1]], true})
		at = m[1]
	}
	return append(all, part{Text: sentence[at:]})
}

// unit is a number and its unit, between which no line is broken.
var unit = regexp.MustCompile(`([0-9]) (%|ms|s|m|h|UTC|req/s)\b`)

// day is a date, which is not broken either.
var day = regexp.MustCompile(`([0-9]{4})-([0-9]{2})-([0-9]{2})`)

func tight(text string) string {
	text = day.ReplaceAllString(text, "$1\u2011$2\u2011$3")
	return strings.ReplaceAll(unit.ReplaceAllString(text, "$1\u00a0$2"), " %", "\u00a0%")
}
