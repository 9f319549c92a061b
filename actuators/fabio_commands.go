package actuators

import (
	"bufio"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// A command is one line of fabio's configuration, as its route/parse_new.go reads it:
//
//	route add SERVICE SOURCE TARGET[ weight W][ tags "A,B"][ opts "K=V"]
//	route del SERVICE[ SOURCE[ TARGET]] | SERVICE tags "A,B" | tags "A,B"
//	route weight SERVICE SOURCE weight W[ tags "A,B"] | SOURCE weight W tags "A,B"
type command struct {
	key, text string
	line      int // of the key's text, from 1

	verb            verb
	service, source string // empty: any
	target          string
	weight          float64 // as a part of one
	tags            []string
}

type verb string

const (
	routeAdd    verb = "add"
	routeDel    verb = "del"
	routeWeight verb = "weight"
)

// A badLine is one that fabio refuses, and with it the whole of its table.
type badLine struct {
	key, text, what string
	line            int
}

// longestLine is the first length that fabio does not read: it stops there, without a word.
const longestLine = bufio.MaxScanTokenSize

// parseCommands reads the text of one key, as it would stand between other keys'.
func parseCommands(e store.Entry) (all []command, comments []string, bad []badLine) {
	for n, line := range strings.Split(string(e.Value), "\n") {
		text := strings.TrimSpace(line)
		switch {
		case len(line) >= longestLine:
			bad = append(bad, badLine{e.Key, text[:min(40, len(text))] + "…", "is 64 KiB or longer: fabio reads neither it nor anything after it", n + 1})
		case text == "":
		case strings.HasPrefix(text, "#"), strings.HasPrefix(text, "//"):
			comments = append(comments, text)
		default:
			c, err := parseCommand(text)
			if err != nil {
				bad = append(bad, badLine{e.Key, text, err.Error(), n + 1})
				continue
			}
			c.key, c.line = e.Key, n+1
			all = append(all, c)
		}
	}
	return all, comments, bad
}

// spaced makes any white space of a space.
func spaced(expr string) *regexp.Regexp {
	return regexp.MustCompile("^route\\s+" + strings.ReplaceAll(expr, " ", `\s+`) + "$")
}

// forms are tried in this order. Groups are named like the fields.
var forms = []struct {
	verb verb
	expr *regexp.Regexp
}{
	{routeAdd, spaced(`add (?P<service>\S+) (?P<source>\S+) (?P<target>\S+)( weight (?P<weight>\S+))?( tags "(?P<tags>[^"]*)")?( opts "[^"]*")?`)},
	{routeDel, spaced(`del (?P<service>\S+) tags "(?P<tags>[^"]*)"`)},
	{routeDel, spaced(`del tags "(?P<tags>[^"]*)"`)},
	{routeDel, spaced(`del (?P<service>\S+)( (?P<source>\S+)( (?P<target>\S+))?)?`)},
	{routeWeight, spaced(`weight (?P<service>\S+) (?P<source>\S+) weight (?P<weight>\S+)( tags "(?P<tags>[^"]*)")?`)},
	{routeWeight, spaced(`weight (?P<source>\S+) weight (?P<weight>\S+) tags "(?P<tags>[^"]*)"`)},
}

var errCommand = errors.New("is not a command of fabio: it knows route add, route del and route weight")

func parseCommand(text string) (command, error) {
	for _, form := range forms {
		if m := form.expr.FindStringSubmatch(text); m != nil {
			return commandOf(form.verb, text, form.expr.SubexpNames(), m)
		}
	}
	return command{}, errCommand
}

func commandOf(v verb, text string, names, values []string) (command, error) {
	c := command{verb: v, text: text}
	for i, name := range names {
		switch value := values[i]; name {
		case "service":
			c.service = value
		case "source":
			c.source = value
		case "target":
			c.target = value
		case "tags":
			c.tags = tagsOf(value)
		case "weight":
			w, err := strconv.ParseFloat(value, 64)
			if value != "" && err != nil {
				return c, fmt.Errorf("has the weight %s, which is no number", value)
			}
			c.weight = w
		}
	}
	return c, nil
}

func tagsOf(text string) []string {
	if text == "" {
		return nil
	}
	tags := strings.Split(text, ",")
	for i, tag := range tags {
		tags[i] = strings.TrimSpace(tag)
	}
	return tags
}

// place is a source as fabio takes it apart: host and path, or a port. It lowers the host of
// an instance's route and not that of a weight, which then matches nothing.
func place(source string) string {
	if strings.HasPrefix(source, ":") {
		return source
	}
	host, path, _ := strings.Cut(source, "/")
	return host + "/" + path
}
