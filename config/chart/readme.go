package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	readmeFile = "charts/stint/README.md"
	valuesFile = "charts/stint/values.yaml"

	tableBegin = "<!-- Generated from values.yaml by `make generate`. -->\n"
	tableEnd   = "<!-- End of what is generated. -->\n"
)

// wholes are values that people set as one, so they are one row.
var wholes = []string{"resources", "podSecurityContext", "metrics.dashboard.labels"}

// writeReadme renews the table of values in the chart's README.
func writeReadme() error {
	values, err := os.ReadFile(valuesFile)
	if err != nil {
		return err
	}
	rows, err := valueRows(values)
	if err != nil {
		return fmt.Errorf("%s: %w", valuesFile, err)
	}
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(string(readme), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		return fmt.Errorf("%s has no place for the values between %q and %q", readmeFile, tableBegin, tableEnd)
	}
	table := "\n| Value | Default | |\n| --- | --- | --- |\n" + strings.Join(rows, "") + "\n"
	return os.WriteFile(readmeFile, []byte(before+tableBegin+table+tableEnd+after), 0o644)
}

// valueRows are the rows of the table, in the order of the file.
func valueRows(values []byte) ([]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(values, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("not one mapping")
	}
	return rowsOf("", doc.Content[0])
}

func rowsOf(prefix string, mapping *yaml.Node) (rows []string, err error) {
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		name := prefix + key.Value
		text := comment(key)
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && !slices.Contains(wholes, name) {
			if text != "" {
				rows = append(rows, fmt.Sprintf("| `%s` | | %s |\n", name, text))
			}
			inner, err := rowsOf(name+".", value)
			if err != nil {
				return nil, err
			}
			rows = append(rows, inner...)
			continue
		}
		var shown any
		if err := value.Decode(&shown); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		initial, err := json.Marshal(shown)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, fmt.Sprintf("| `%s` | `%s` | %s |\n", name, initial, text))
	}
	return rows, nil
}

// comment is what stands above a key, as one line of a table.
func comment(key *yaml.Node) string {
	var words []string
	for line := range strings.SplitSeq(key.HeadComment, "\n") {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(line, "#")))
	}
	// In Markdown <release> would be an element of HTML.
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(strings.TrimSpace(strings.Join(words, " ")))
}
