// Renders the templates of a chart as Helm does, as far as this project's charts go: the functions of
// Sprig, those that Helm adds, and the objects Values, Chart and Release.
//
//	render CHART VALUES RELEASE NAMESPACE
//
// VALUES is a YAML file that is laid over the chart's own. What comes out is one JSON object: the text
// of each template by its path. A template that fails ends the program with its message.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type values = map[string]interface{}

// Values as Helm reads them: by way of JSON, so that every number is a float.
func read(path string) (values, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := values{}
	return read, yaml.Unmarshal(text, &read)
}

// Lays `over` over `under`, object by object; lists are replaced.
func merge(under, over values) values {
	for key, value := range over {
		below, isObject := under[key].(values)
		above, alsoObject := value.(values)
		if isObject && alsoObject {
			under[key] = merge(below, above)
		} else {
			under[key] = value
		}
	}
	return under
}

// What Helm adds to Sprig, of which it leaves out what reads the environment.
func functions(all *template.Template) template.FuncMap {
	made := sprig.TxtFuncMap()
	delete(made, "env")
	delete(made, "expandenv")
	made["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	made["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	made["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	return made
}

func isTemplate(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".tpl", ".txt":
		return true
	}
	return false
}

func parse(chart string) (*template.Template, []string, error) {
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	var names []string
	err := filepath.Walk(filepath.Join(chart, "templates"),
		func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() || !isTemplate(path) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(chart, path)
			if err != nil {
				return err
			}
			// Partials are there for the others.
			if !strings.HasPrefix(filepath.Base(path), "_") {
				names = append(names, name)
			}
			_, err = all.New(name).Parse(string(text))
			return err
		})
	return all, names, err
}

func render(chart, valuesFile, release, namespace string) (map[string]string, error) {
	description, err := read(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	own, err := read(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	given, err := read(valuesFile)
	if err != nil {
		return nil, err
	}
	// Helm gives the description's keys with capitals.
	about := values{}
	for key, value := range description {
		about[strings.ToUpper(key[:1])+key[1:]] = value
	}
	data := values{
		"Values":  merge(own, given),
		"Chart":   about,
		"Release": values{"Name": release, "Namespace": namespace, "Service": "Helm"},
	}
	all, names, err := parse(chart)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	for _, name := range names {
		var text bytes.Buffer
		if err := all.ExecuteTemplate(&text, name, data); err != nil {
			return nil, err
		}
		made[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return made, nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: render CHART VALUES RELEASE NAMESPACE")
		os.Exit(2)
	}
	made, err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(made)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
