package examples_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// leastNode is what jose needs.
const leastNode = 20

// nodeAPI is the example in Node with its packages, fetched once.
var nodeAPI = sync.OnceValues(func() (app string, err error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", errors.New("there is no node: apt install nodejs npm")
	}
	version, err := exec.Command(node, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("node --version: %w", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < leastNode {
		return "", fmt.Errorf("node is %s, older than %d", strings.TrimSpace(string(version)), leastNode)
	}
	folder := filepath.Join(scratch, "node")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "examples/api/node"))); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=10000")
	npm.Dir, npm.WaitDelay = folder, time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %.200s", err, strings.ReplaceAll(string(out), "\n", " "))
	}
	return filepath.Join(folder, "app.mjs"), nil
})

func nodeCommand(t *testing.T) []string {
	t.Helper()
	app, err := nodeAPI()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n*** %s IS SKIPPED: %v\n", t.Name(), err)
		t.Skip(err)
	}
	return []string{"node", app}
}

// What is installed is what was pinned, by its hash, from whatever registry npm is set to.
func TestTheLockPinsAndNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile(filepath.Join(root, "examples/api/node/package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(lock)
	if strings.Contains(text, `"resolved"`) || strings.Count(text, `"integrity": "sha512-`) != strings.Count(text, `"node_modules/`) {
		t.Errorf("a package is named by its address, or not by its hash:\n%s", text)
	}
	manifest, err := os.ReadFile(filepath.Join(root, "examples/api/node/package.json"))
	pinned := regexp.MustCompile(`"jose": "(\d+\.\d+\.\d+)"`).FindSubmatch(manifest)
	if err != nil || pinned == nil || !strings.Contains(text, `"version": "`+string(pinned[1])+`"`) {
		t.Errorf("jose is not pinned: %s, %v", manifest, err)
	}
}
