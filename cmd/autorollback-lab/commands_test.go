package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program"
)

// A printed command is one that some text tells a person to run.
type printed struct{ where, program, line string }

// prose are the words that follow the program's name in a sentence. Whatever else follows it is a command.
var prose = strings.Fields(`acted and as asks at by cannot decides does is keeps leaves never overwrites rolled says sends
	tries with works writes wrote`)

// Every command in a message, a page, an error, a help text, a template, a golden file or a document's code
// runs as it is printed: the real parser takes it.
func TestPrintedCommandsParse(t *testing.T) {
	seen := 0
	for _, p := range slices.Concat(inSource(t), inTexts(t), inDocuments(t), inUnit(t), inCompose(t)) {
		seen++
		if err := p.parse(); err != nil {
			t.Errorf("%s: %s %s: %v", p.where, p.program, p.line, err)
		}
	}
	if seen < 200 {
		t.Errorf("found %d commands only: the search is broken", seen)
	}
}

// What cannot run is found, and what is a sentence is none.
func TestPrintedCommandsAreFound(t *testing.T) {
	for text, want := range map[string][]string{
		"Autorollback rollback ranker --reason x":                  {"Autorollback"},
		"autorollback rollback ranker":                             {"required flag(s) '--reason'"},
		"fix it; autorollback release resume ranker, or wait":      {"required flag(s) '--reason'"},
		"autorollback stats shows it.":                             {"expected command"},
		"autorollback doctor for its route":                        {"unexpected for"},
		"autorollback release status ranker. Then go":              {""},
		"autorollback release hold ranker --reason 'odd; see #4.'": {""},
		"autorollback keeps asking":                                nil,
		`# Made by "autorollback rules generate".`:                 nil,
		"run `autorollback rules generate` once":                   {"required argument"},
		"what autorollback keeps, and autorollback-lab demo":       {""},
		"autorollback-lab dmo":                                     {"expected command"},
	} {
		found := commandsIn("test", text)
		if len(found) != len(want) {
			t.Errorf("%s: found %v", text, found)
			continue
		}
		for i, p := range found {
			err := p.parse()
			if want[i] == "" && err != nil || want[i] != "" && (err == nil || !strings.Contains(err.Error(), want[i])) {
				t.Errorf("%s: %v, want %q", text, err, want[i])
			}
		}
	}
}

// parse says why a command cannot run.
func (p printed) parse() error {
	programs := map[string]cli.Program{"autorollback": program.New("test"), "autorollback-lab": labProgram()}
	program, ok := programs[p.program]
	if !ok {
		return errors.New("there is no program " + p.program)
	}
	app, actions := program.Application(cli.Console{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	app.UsageWriter(io.Discard)
	app.ErrorWriter(io.Discard)
	ended := false
	app.Terminate(func(int) { ended = true })
	args, err := words(p.line)
	if err != nil {
		return err
	}
	if len(args) == 1 && strings.HasPrefix(args[0], "--") && app.GetFlag(args[0][2:]) != nil {
		return nil // it prints something, and ends
	}
	chosen, err := app.Parse(args)
	if err == nil && !ended && actions[chosen] == nil {
		return errors.New("it does nothing")
	}
	if ended {
		return nil
	}
	return err
}

// words splits a line as a shell does.
func words(line string) ([]string, error) {
	var all []string
	var quote rune
	word, open := "", false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ' || r == '\t':
			if open {
				all = append(all, word)
			}
			word, open = "", false
		default:
			word, open = word+string(r), true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if open {
		all = append(all, word)
	}
	return all, nil
}
