package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"plugin"
	"regexp"
	"sort"
	"strings"
)

var types = []string{"sources", "sinks", "functions"}

var builtIn = map[string][]string{
	"sources":   {"mqtt", "httppull", "memory"},
	"sinks":     {"log", "mqtt", "rest", "nop"},
	"functions": {"abs", "avg", "count", "cos", "exp", "ln", "max", "min", "sign", "sin", "sqrt", "sum", "zip_with"},
}

// Metadata that 1.0 has from the beginning, for plugins that may not be there.
var orphans = map[string][]string{
	"sources": {"random", "zmq"}, "sinks": {"influx", "zmq"}, "functions": {"echo", "countPlusOne"},
}

// deleted is the version of a plugin that was deleted since the start of the process, which still lists it.
const deleted = "$deleted"

type info struct{ version, so string }

// plugins is what the process knows: the folders as they were at its start, and its own installs since.
type plugins struct {
	known map[string]map[string]info
	// opened has what plugin.Open returned; Go opens a file's plugin once a process, and so do we by name.
	opened map[string]*plugin.Plugin
	saved  *saved
}

func typeIndex(kind string) int {
	for i, one := range types {
		if one == kind {
			return i
		}
	}
	return -1
}

// readPlugins reads the folders, once. Since 1.6 every .so is opened, and one that can't be is left out.
func readPlugins(s *saved) *plugins {
	if _, err := os.ReadDir(filepath.Join(*base, "plugins", "portable")); err != nil && since(1, 6) {
		panic(fmt.Sprintf("fail to find existing plugins: %v", err))
	}
	p := &plugins{map[string]map[string]info{}, map[string]*plugin.Plugin{}, s}
	for _, kind := range types {
		p.known[kind] = map[string]info{}
		entries, err := os.ReadDir(filepath.Join(*base, "plugins", kind))
		if err != nil {
			panic(fmt.Sprintf("fail to find existing plugins: %v", err))
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".so") {
				continue
			}
			name, v := nameOf(entry.Name())
			if since(1, 6) {
				if _, err := p.open(kind, name, entry.Name()); err != nil {
					log.Printf("plugin %s open error: %v", name, err)
					continue
				}
			}
			p.known[kind][name] = info{v, entry.Name()}
		}
	}
	return p
}

// nameOf gives random and v1.0.0 for Random@v1.0.0.so.
func nameOf(so string) (string, string) {
	parts := append(strings.Split(strings.Split(so, ".so")[0], "@"), "")
	return otherCase(parts[0], strings.ToLower), parts[1]
}

func otherCase(name string, change func(string) string) string {
	if name == "" {
		return ""
	}
	return change(name[:1]) + name[1:]
}

func (p *plugins) open(kind, name, so string) (*plugin.Plugin, error) {
	key := kind + "/" + name
	if loaded, ok := p.opened[key]; ok {
		return loaded, nil
	}
	path := filepath.Join(*base, "plugins", kind, so)
	loaded, err := plugin.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %v", path, err)
	}
	p.opened[key] = loaded
	return loaded, nil
}

// owner is the plugin that has a function: the one where it is registered, else the one of its name.
func (p *plugins) owner(function string) string {
	for name, functions := range p.saved.Functions {
		for _, one := range functions {
			if one == function {
				return name
			}
		}
	}
	return function
}

// symbol opens the plugin if it isn't, and finds what has that name in it.
func (p *plugins) symbol(kind, name string) (plugin.Symbol, error) {
	owner := name
	if kind == "functions" {
		owner = p.owner(name)
	}
	missing := map[string]string{
		"sources": "source type %s not found", "sinks": "sink %s is not defined", "functions": "function %s not found",
	}[kind]
	known, ok := p.known[kind][owner]
	if !ok || (known.version == deleted && p.opened[kind+"/"+owner] == nil) {
		return nil, fmt.Errorf(missing, name)
	}
	loaded, err := p.open(kind, owner, known.so)
	if err != nil {
		return nil, err
	}
	found, err := loaded.Lookup(otherCase(name, strings.ToUpper))
	if err != nil {
		return nil, fmt.Errorf(missing, name)
	}
	return found, nil
}

func (p *plugins) list(kind string) []string {
	names := []string{}
	for name := range p.known[kind] {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (p *plugins) install(kind, name, uri string) error {
	known, ok := p.known[kind][name]
	if ok && known.version != deleted {
		return fmt.Errorf("invalid name %s: duplicate", name)
	}
	if ok && !since(1, 11) {
		return fmt.Errorf("invalid name %s: the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet", name)
	}
	address, err := url.Parse(uri)
	if err != nil || address.Scheme != "file" || !strings.HasSuffix(uri, ".zip") {
		return fmt.Errorf("invalid uri %s", uri)
	}
	uploads := filepath.Join(*base, "data", "uploads")
	if since(2, 4) && !strings.HasPrefix(address.Path, uploads+"/") {
		return fmt.Errorf("fail to download file %s: file access denied: path must be under %s", uri, uploads)
	}
	text, err := os.ReadFile(address.Path)
	if err != nil {
		return fmt.Errorf("fail to download file %s: %v", uri, err)
	}
	written := []string{}
	so, err := p.unpack(kind, name, text, &written)
	if err == nil && since(1, 6) {
		_, err = p.open(kind, name, so)
	}
	if err != nil {
		for _, path := range written { // even what was there before
			_ = os.Remove(path)
		}
		return fmt.Errorf("fail to install plugin: %v", err)
	}
	_, v := nameOf(so)
	p.known[kind][name] = info{v, so}
	halt("install-done")
	return nil
}

// unpack removes and writes each file of the zip anew, counts them as the engine does, and returns the name of the .so.
func (p *plugins) unpack(kind, name string, text []byte, written *[]string) (string, error) {
	reader, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return "", err
	}
	folders := []string{filepath.Join(*base, "etc", kind)}
	if since(2, 2, 1) {
		folders = append(folders, filepath.Join(*base, "data", kind))
	}
	isSo := regexp.MustCompile(fmt.Sprintf(`^((%s)|(%s))(@.*)?\.so$`, name, otherCase(name, strings.ToUpper)))
	so, counted, expected := "", 0, 1
	if kind == "sources" {
		expected += len(folders)
	}
	for _, file := range reader.File {
		isYaml := kind == "sources" && file.Name == name+".yaml"
		if _, err := os.Stat(filepath.Join(folders[0], file.Name)); isYaml && err == nil && since(1, 12) {
			if since(1, 12, 3) {
				counted++
			}
			continue
		}
		targets := folders
		switch {
		case isYaml:
			counted += len(folders)
		case file.Name == name+".json":
		case isSo.MatchString(file.Name):
			so = file.Name
			counted++
			targets = []string{filepath.Join(*base, "plugins", kind)}
		case strings.HasPrefix(file.Name, "etc/") && !strings.HasSuffix(file.Name, "/"):
			if err := write(file, filepath.Join(folders[0], name, file.Name[4:])); err != nil {
				return "", err
			}
			continue
		default:
			continue
		}
		for _, folder := range targets {
			path := filepath.Join(folder, file.Name)
			*written = append(*written, path)
			if err := write(file, path); err != nil {
				return "", err
			}
		}
	}
	if so == "" || counted != expected {
		return "", fmt.Errorf("invalid zip file: expectFiles: %d, got %d", expected, counted)
	}
	return so, nil
}

// write replaces a file by one of the zip, as no careful program does: it is away first, then half there.
func write(file *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	_ = os.Remove(path)
	target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, file.Mode())
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.CopyN(target, content, int64(file.UncompressedSize64/2)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.HasSuffix(path, ".so") {
		halt("install-half")
	}
	_, err = io.Copy(target, content)
	return err
}

// remove deletes the .so and the configuration, even if that was edited.
func (p *plugins) remove(kind, name string) {
	_ = os.Remove(filepath.Join(*base, "plugins", kind, p.known[kind][name].so))
	for _, folder := range []string{"etc", "data"} {
		for _, suffix := range []string{".yaml", ".json", ""} {
			_ = os.RemoveAll(filepath.Join(*base, folder, kind, name+suffix))
		}
	}
	p.known[kind][name] = info{deleted, p.known[kind][name].so}
}

func (p *plugins) metadata(kind string) interface{} {
	installed := func(yes bool) map[string]bool { return map[string]bool{"installed": yes} }
	listed := []map[string]interface{}{}
	add := func(names []string, isInstalled bool, label string) {
		for _, name := range names {
			entry := map[string]interface{}{"name": name, "about": installed(isInstalled)}
			if label != "" && since(2, 0) {
				entry["type"] = label
			}
			listed = append(listed, entry)
		}
	}
	absent := []string{}
	for _, name := range orphans[kind] {
		if _, ok := p.known[kind][name]; !ok && !since(1, 6) {
			absent = append(absent, name)
		}
	}
	if kind != "functions" {
		add(builtIn[kind], true, "internal")
		add(p.list(kind), true, "native")
		add(absent, false, "")
		return listed
	}
	files := [][]string{builtIn[kind]}
	for _, name := range append(p.list(kind), absent...) {
		files = append(files, []string{name})
	}
	for _, names := range files {
		functions := []map[string]string{}
		for _, name := range names {
			functions = append(functions, map[string]string{"name": name})
		}
		listed = append(listed, map[string]interface{}{"about": installed(true), "functions": functions})
	}
	return listed
}
