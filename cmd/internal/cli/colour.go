package cli

import (
	"os"

	"github.com/alecthomas/kingpin/v2"
)

// The colours that we use. Which of them a word has says nothing that the word does not say.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

var colours = []string{plain, bold, red, green, yellow}

// meaning is the colour of words that say how something stands.
var meaning = map[string]string{
	"ok": green, "active": green, "warm": green, "recovered": green, "proved": green, "closed": green, "pass": green, "approved": green, "good": green,
	"off": red, "cold": red, "not_recovered": red, "wrong_cause": red, "rolled_back": red, "rolled back": red, "block": red, "bad": red, "never": red, "lost": red,
	"degraded": yellow, "unknown": yellow, "held": yellow, "frozen": yellow, "stopped": yellow, "paused": yellow, "observe": yellow, "awaiting": yellow,
	"unconfirmed": yellow, "cannot_tell": yellow, "inconclusive": yellow, "waiting": yellow, "waits": yellow, "acted": yellow, "verifying": yellow, "pending": yellow,
	"warning": yellow,
}

// painting is the flag --color.
type painting struct {
	when  string
	never bool
	on    bool
}

func (p *painting) declare(app *kingpin.Application) {
	app.Flag("color", "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.").Default("auto").EnumVar(&p.when, "auto", "always", "never")
	app.Flag("no-color", "The same as --color=never.").Hidden().BoolVar(&p.never)
}

// decide is called once the flags are read.
func (p *painting) decide(terminal bool) {
	p.on = p.when == "always" || p.when == "auto" && terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	p.on = p.on && !p.never
}

// State paints a word that says how something stands, where there are colours.
func (c Console) State(word string) string { return c.paint(meaning[word], word) }

// Bold is for what must be found first.
func (c Console) Bold(text string) string { return c.paint(bold, text) }

func (c Console) paint(colour, text string) string {
	if c.painting == nil || !c.painting.on || colour == "" {
		return text
	}
	return colour + text + plain
}
