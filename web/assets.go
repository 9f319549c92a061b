package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/autorollback/autorollback/chart"
)

// A page brings its style and script along, so that it comes whole or not at all: a page that refuses
// somebody is styled, though nothing else may be asked for.

//go:embed pages/style.css
var ownStyle string

// style is that of all pages, and of the pictures in them.
var style = ownStyle + chart.Style

// countdown counts what is left, and how old the numbers are, while a page is open. It asks nothing
// and sends nothing; without it the page says both as they were when it was made.
//
//go:embed pages/countdown.js
var countdown string

func inlineStyle() template.CSS { return template.CSS(style) } //nolint:gosec // our own file

func script() template.JS { return template.JS(countdown) } //nolint:gosec // our own file

// runsCountdown allows that script on a page, and no other.
func runsCountdown(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", contentPolicy+"; script-src "+hashOf(countdown))
}

// hashOf is what a content security policy calls a text that stands in a page.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
