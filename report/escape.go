package report

import (
	"regexp"
	"strings"
	"unicode"
)

// literal makes one line of text literal in GitHub-flavoured Markdown, wherever in a line it stands
// but at a block's beginning: there [escapeStart] is needed as well, and in a table [escapeCell]. What
// a reader sees is what [defanged] returns. Only what would change that is escaped, since people read
// the Markdown as it stands, in a terminal.
func literal(text string) string {
	r := []rune(defanged(text))
	var b strings.Builder
	for i, c := range r {
		if c == '&' && entity.MatchString(string(r[i:min(len(r), i+40)])) || c == '<' && opensTag(r[i+1:]) {
			b.WriteString(map[rune]string{'&': "&amp;", '<': "&lt;"}[c])
			continue
		}
		if isMarkup(r, i) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// defanged is the text on one line with nothing hidden in it, and with addresses and mentions broken
// up: several readers make links of them once all escapes are gone.
func defanged(text string) string { return unmention(breakLinks.Replace(visible(text, maxCell))) }

// breakLinks leaves the addresses of buckets: no reader makes links of them.
var breakLinks = strings.NewReplacer("s3://", "s3://", "gs://", "gs://",
	"://", "[:]//", "www.", "www[.]", "WWW.", "WWW[.]", "mailto:", "mailto[:]", "xmpp:", "xmpp[:]")

// isMarkup reports whether the character at i could be more than itself. Beyond both ends of the text
// stands what the writer puts there, which may be anything.
func isMarkup(r []rune, i int) bool {
	switch c := r[i]; c {
	case '`', '$':
		return true
	case '\\':
		return i+1 == len(r) || isPunctuation(r[i+1])
	case '*', '~':
		before, after := beside(r, i)
		return !unicode.IsSpace(before) || !unicode.IsSpace(after)
	case '_': // within a word it is only itself
		before, after := beside(r, i)
		return !(isWord(before) && isWord(after)) && !(unicode.IsSpace(before) && unicode.IsSpace(after))
	case ']':
		return i+1 == len(r) || r[i+1] == '(' || r[i+1] == '['
	}
	return false
}

// beside is what stands before and after a run of the character at i; at an end of the text punctuation.
func beside(r []rune, i int) (before, after rune) {
	from, to := i, i
	for from > 0 && r[from-1] == r[i] {
		from--
	}
	for to+1 < len(r) && r[to+1] == r[i] {
		to++
	}
	before, after = '.', '.'
	if from > 0 {
		before = r[from-1]
	}
	if to+1 < len(r) {
		after = r[to+1]
	}
	return before, after
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isPunctuation(r rune) bool { return r > ' ' && r < 0x7f && !isWord(r) }

// entity is what is read as a character's name.
var entity = regexp.MustCompile(`^&(?:[A-Za-z][A-Za-z0-9]*;|#[0-9]+;|#[xX][0-9A-Fa-f]+;)`)

// opensTag reports whether a < before this text could begin a tag or an address.
func opensTag(after []rune) bool {
	return len(after) == 0 || strings.ContainsRune("/!?", after[0]) || unicode.IsLetter(after[0])
}

// begins is what is markup only where a block begins: lists, quotes, headings and their underlines,
// rules, boxes to tick, references.
var begins = regexp.MustCompile(`^(?:[-+](?: |$)|[-=]+$|#{1,6}(?: |$)|>|\[(?:[ xX]\]|.*\]:))`)

var numbered = regexp.MustCompile(`^[0-9]{1,9}[.)](?: |$)`)

// escapeStart makes a literal text one as well where a block begins.
func escapeStart(text string) string {
	if begins.MatchString(text) {
		return `\` + text
	}
	if numbered.MatchString(text) {
		at := strings.IndexAny(text, ".)")
		return text[:at] + `\` + text[at:]
	}
	return text
}

// escapeCell makes a literal text one as well in a table's cell.
func escapeCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// endOfHeading is a run of # that closes a heading, and is not shown.
var endOfHeading = regexp.MustCompile(`(^|\s)(#+)$`)

// escapeHeading makes a literal text one as well at a heading's end.
func escapeHeading(text string) string { return endOfHeading.ReplaceAllString(text, `$1\$2`) }

// target writes an address as a link's target; it was normalised by [webAddress].
func target(url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "", "\r", "", " ", "%20", `\`, "%5C", "%", "%%").Replace(url) + ">"
}
