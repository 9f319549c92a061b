package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

var inline = regexp.MustCompile("`(?:bin/)?(autorollback [a-z][^`]*)`")

// inSentences finds the commands that a document's sentences have as code, unless they leave something out.
func inSentences(t *testing.T) (found []printed) {
	for _, name := range tracked(t, "docs/*.md", "README.md") {
		for _, m := range inline.FindAllStringSubmatch(text(t, name), -1) {
			if line := strings.ReplaceAll(m[1], "\n", " "); !strings.HasSuffix(line, "…") {
				found = append(found, commandsIn(name, line)...)
			}
		}
	}
	return found
}

// inRunbooks finds the commands of the page that is made of each runbook we come with.
func inRunbooks(t *testing.T) (found []printed) {
	for _, kind := range templates.Kinds() {
		text, err := templates.New(kind, "ranker")
		if err != nil {
			t.Fatal(err)
		}
		rb, err := runbook.Parse("runbooks/ranker.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		all := commandsIn("the page of runbook "+kind, continued.ReplaceAllString(string(runbook.Render(rb)), " "))
		if len(all) < 8 {
			t.Errorf("runbook %s: only %d commands found", kind, len(all))
		}
		found = append(found, all...)
	}
	return found
}

// byHand are what a link that is over says to do by hand.
func byHand() (found []printed) {
	for _, kind := range []string{record.RollbackApproval, record.AcceptSplit, record.Promotion} {
		for _, region := range []string{"", "default", "eu"} {
			for _, line := range []string{report.ByHand(kind, "ranker", region), report.ResumeByHand("ranker", region)} {
				name, rest, _ := strings.Cut(line, " ")
				found = append(found, printed{fmt.Sprintf("by hand, %s in %q", kind, region), name, rest})
			}
		}
	}
	return found
}
