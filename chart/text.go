package chart

import (
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Narrow is the width in pixels for which texts are laid out: a phone's 360 without the
// page's margins. On anything wider there is only more room.
const Narrow = 320

// Sizes of text, in pixels. A character is taken for a little wider than fonts for screens
// have it on average.
const (
	charWidth = 6.6
	rowHeight = 16
	bold      = 0.88 // so much less text in bold letters fits
)

// widthOf is about how wide a text is.
func widthOf(text string) float64 {
	chars := 0.0
	for _, r := range text {
		switch {
		case r >= 0x1100:
			chars += 2
		case unicode.IsUpper(r), r == 'm', r == 'w', r == '%', r == '@':
			chars += 1.4
		default:
			chars++
		}
	}
	return chars * charWidth
}

// clean makes text from outside visible and harmless in XML: no control characters, nothing
// that turns the direction of writing, no broken encoding.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Noncharacter_Code_Point, r):
			return '�'
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}

func escape(text string) string { return template.HTMLEscapeString(clean(text)) }

// fit cuts a text to a width.
func fit(text string, width float64) string {
	text = clean(text)
	if widthOf(text) <= width {
		return text
	}
	runes, sum := []rune(text), widthOf("…")
	for i, r := range runes {
		if sum += widthOf(string(r)); sum > width {
			return strings.TrimRight(string(runes[:i]), " ") + "…"
		}
	}
	return text
}

// wrap breaks a text between words into at most so many rows of a width.
func wrap(text string, width float64, most int) []string {
	var rows []string
	row := ""
	for word := range strings.FieldsSeq(clean(text)) {
		next := word
		if row != "" {
			next = row + " " + word
		}
		if row != "" && widthOf(next) > width && len(rows)+1 < most {
			rows, next = append(rows, fit(row, width)), word
		}
		row = next
	}
	if row != "" {
		rows = append(rows, fit(row, width))
	}
	return rows
}
