package shadow

import (
	"strings"
	"unicode"
)

// escapeMarkdown makes one line of hostile text literal in GitHub-flavoured Markdown,
// table cells included, when it does not stand at a block's beginning. Links that
// readers make by themselves are broken up.
func escapeMarkdown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, clip(text, 300))
	return markdownMarks.Replace(markdownLinks.Replace(text))
}

var (
	markdownLinks = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "mailto:", "mailto[:]", "@", "@\u200b")
	markdownMarks = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`,
		"~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	)
)
