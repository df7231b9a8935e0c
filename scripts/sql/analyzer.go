package main

import (
	"fmt"
	"strings"

	"github.com/goccy/go-googlesql"
)

// An analyzer knows tables, and BigQuery's functions.
type analyzer struct {
	catalog *googlesql.SimpleCatalog
	options *googlesql.AnalyzerOptions
	types   *googlesql.TypeFactory
}

// newAnalyzer has the language that BigQuery shows to its users: no types that are Google's own.
func newAnalyzer() (*analyzer, error) {
	language, err := googlesql.NewLanguageOptions()
	if err != nil {
		return nil, err
	}
	if err := language.EnableMaximumLanguageFeatures(); err != nil {
		return nil, err
	}
	if err := language.SetSupportsAllStatementKinds(); err != nil {
		return nil, err
	}
	if err := language.SetProductMode(googlesql.ProductModeProductExternal); err != nil {
		return nil, err
	}
	catalog, err := googlesql.NewSimpleCatalog("bigquery", nil)
	if err != nil {
		return nil, err
	}
	if err := catalog.AddBuiltinFunctionsAndTypes(&googlesql.BuiltinFunctionOptions{LanguageOptions: language}); err != nil {
		return nil, err
	}
	options, err := googlesql.NewAnalyzerOptions2()
	if err != nil {
		return nil, err
	}
	if err := options.SetLanguage(language); err != nil {
		return nil, err
	}
	types, err := googlesql.NewTypeFactory()
	if err != nil {
		return nil, err
	}
	return &analyzer{catalog, options, types}, nil
}

// table makes one known under its whole name, which a query writes between backquotes.
func (a *analyzer) table(name string, columns []column) error {
	t, err := googlesql.NewSimpleTable(name, 0)
	if err != nil {
		return err
	}
	for _, c := range columns {
		typ, err := a.typeOf(c.Type)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, c.Name, err)
		}
		made, err := googlesql.NewSimpleColumn(name, c.Name, typ, false, true)
		if err != nil {
			return err
		}
		if err := t.AddColumn2(made, false); err != nil {
			return err
		}
	}
	return a.catalog.AddTable(t)
}

func (a *analyzer) typeOf(name string) (googlesql.Googlesql_TypeNode, error) {
	switch strings.ToUpper(name) {
	case "STRING":
		return a.types.GetString()
	case "INT64":
		return a.types.GetInt64()
	case "BOOL":
		return a.types.GetBool()
	case "DATE":
		return a.types.GetDate()
	case "TIMESTAMP":
		return a.types.GetTimestamp()
	case "JSON":
		return a.types.GetJson()
	}
	return nil, fmt.Errorf("type %s is not among those that the archive has", name)
}

// query returns the columns that a query comes to.
func (a *analyzer) query(text string) ([]column, error) {
	out, err := googlesql.AnalyzeStatement(text, a.options, a.catalog, a.types)
	if err != nil {
		return nil, err
	}
	statement, err := out.ResolvedStatement()
	if err != nil {
		return nil, err
	}
	q, ok := statement.(*googlesql.ResolvedQueryStmt)
	if !ok {
		return nil, fmt.Errorf("a %T, and no query", statement)
	}
	n, err := q.OutputColumnListSize()
	if err != nil {
		return nil, err
	}
	var columns []column
	for i := range n {
		c, err := q.OutputColumnList2(i)
		if err != nil {
			return nil, err
		}
		var one column
		if one.Name, err = c.Name(); err != nil {
			return nil, err
		}
		resolved, err := c.Column()
		if err != nil {
			return nil, err
		}
		typ, err := resolved.Type()
		if err != nil {
			return nil, err
		}
		if one.Type, err = typ.DebugString(false); err != nil {
			return nil, err
		}
		columns = append(columns, one)
	}
	return columns, nil
}
