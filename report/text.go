package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns the text on one line, at most limit runes, with every character
// that could change how the rest is shown (controls, bidi marks, zero-width and
// other format characters) replaced by its name in ⟨⟩: an attack should be seen.
func visible(text string, limit int) string {
	return sieve(text, limit, false)
}

// visibleLines is visible, but keeps line breaks and tabs.
func visibleLines(text string, limit int) string {
	return sieve(text, limit, true)
}

func sieve(text string, limit int, lines bool) string {
	var b strings.Builder
	n := 0
	for _, r := range text { // an invalid byte arrives as U+FFFD
		if n++; n > limit {
			b.WriteString("…")
			break
		}
		switch {
		case lines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case r == '\n', r == '\r', r == '\t', unicode.Is(unicode.Z, r):
			b.WriteByte(' ')
		case hidden(r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
	}
	if lines {
		return b.String()
	}
	return strings.TrimSpace(b.String())
}

// hidden reports characters that have no glyph of their own. Variation selectors and
// the Hangul fillers are among them: they print as nothing.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// plain makes foreign text harmless in chats, mails and pagers that we do not know:
// visible, and nothing in it is a mention, a tag or a link. `<!channel>` becomes
// `‹!channel›`, `https://x` becomes `https[:]//x`, `@here` becomes `＠here`.
func plain(text string, limit int) string {
	return strings.ReplaceAll(neutral.Replace(unmention(visible(text, limit))), "](", "] (")
}

var neutral = strings.NewReplacer("<", "‹", ">", "›", "://", "[:]//", "www.", "www[.]", "&", "＆")

// unmention widens an @ that begins a word, and leaves a@b alone.
func unmention(text string) string {
	var b strings.Builder
	var before rune
	for _, r := range text {
		if r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			b.WriteRune('＠')
		} else {
			b.WriteRune(r)
		}
		before = r
	}
	return b.String()
}

// cut shortens a finished text to at most limit bytes, at a rune's border.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const end = "…"
	text = text[:limit-len(end)]
	for !utf8.ValidString(text) && len(text) > 0 {
		text = text[:len(text)-1]
	}
	return text + end
}
