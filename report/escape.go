package report

import "strings"

// escapeMarkdown makes one line of text literal in GitHub-flavoured Markdown, table
// cells included, wherever in a line it stands but at a block's beginning: there
// [escapeStart] is needed as well. CommonMark lets a
// backslash stand before any ASCII punctuation. Angle brackets and ampersands become
// entities; addresses and mentions are broken up, because several readers turn them
// into links after all escapes are gone.
func escapeMarkdown(text string) string {
	text = visible(text, maxCell)
	text = unmention(breakLinks.Replace(text))
	return markup.Replace(text)
}

var breakLinks = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "mailto:", "mailto[:]", "xmpp:", "xmpp[:]")

var markup = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`,
	"~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
)

// escapeStart takes care of what is markup only where a block begins: lists, quotes,
// headings' underlines, rules.
func escapeStart(text string) string {
	if text == "" {
		return ""
	}
	if strings.ContainsRune("-+=", rune(text[0])) {
		return `\` + text
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	if digits > 0 && digits < len(text) && (text[digits] == '.' || text[digits] == ')') {
		return text[:digits] + `\` + text[digits:]
	}
	return text
}

// target writes an address as a link's target; it was normalised by [webAddress].
func target(url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "", "\r", "", " ", "%20", `\`, "%5C", "%", "%%").Replace(url) + ">"
}
