package falco

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// commentsOf are the lines of comments above an item, up to what stands before it, and those in it.
func commentsOf(lines *source.Lines, item *yaml.Node) []string {
	var above []string
	for n := item.Line - 1; n > 0; n-- {
		line := strings.TrimSpace(lines.Line(n))
		if line != "" && line[0] != '#' {
			break
		}
		above = append(above, line)
	}
	var comments []string
	for i := len(above) - 1; i >= 0; i-- {
		if above[i] != "" || len(comments) > 0 && comments[len(comments)-1] != "" {
			comments = append(comments, above[i])
		}
	}
	for i := 0; i+1 < len(item.Content); i += 2 {
		key, value := item.Content[i], item.Content[i+1]
		if i > 0 {
			comments = appendComment(comments, key.HeadComment)
		}
		comments = within(comments, value)
		if i > 0 && i+2 < len(item.Content) { // the first key's are those above the item, the last one's below it
			comments = appendComment(comments, key.FootComment)
		}
	}
	for len(comments) > 0 && comments[len(comments)-1] == "" {
		comments = comments[:len(comments)-1]
	}
	return comments
}

// within adds the comments of a value and of what is in it.
func within(comments []string, n *yaml.Node) []string {
	comments = appendComment(comments, n.HeadComment)
	comments = appendComment(comments, n.LineComment)
	for _, c := range n.Content {
		comments = within(comments, c)
	}
	return comments
}

func appendComment(comments []string, text string) []string {
	if text == "" {
		return comments
	}
	return append(comments, strings.Split(text, "\n")...)
}
