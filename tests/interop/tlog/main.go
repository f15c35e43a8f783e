// Asks a published log the questions of a monitor, with the libraries of Go's checksum database:
//
//	tlog URL LOG_VKEY WITNESS_VKEY SIZE...
//
// The log and the witness signed the checkpoint; tiles hash to its root; every entry of the bundles is the leaf its
// tile says; the checkpoint of each SIZE is signed, and the newest tree begins with its own.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, logKey, witnessKey string, sizes []string) error {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	witness, err := formats.NewVerifierForCosignatureV1(witnessKey)
	if err != nil {
		return err
	}
	tree, err := checkpoint(url+"/checkpoint", log, witness)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles(url))
	if err := entries(url, tree, hashes); err != nil {
		return err
	}
	for _, size := range sizes {
		older, err := checkpoint(url+"/checkpoints/"+size, log)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, older.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
			return err
		}
	}
	fmt.Printf("%d entries, cosigned, consistent with %d older checkpoints\n", tree.N, len(sizes))
	return nil
}

// checkpoint reads a tree that all of the keys signed.
func checkpoint(address string, keys ...note.Verifier) (tlog.Tree, error) {
	data, err := get(address)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(keys...))
	if err != nil {
		return tlog.Tree{}, err
	}
	for _, key := range keys {
		signed := func(by note.Signature) bool { return by.Name == key.Name() && by.Hash == key.KeyHash() }
		if !slices.ContainsFunc(opened.Sigs, signed) {
			return tlog.Tree{}, fmt.Errorf("%s: not signed by %s", address, key.Name())
		}
	}
	lines := strings.SplitN(opened.Text, "\n", 2)
	return tlog.ParseTree([]byte("go.sum database tree\n" + lines[1]))
}

// entries holds the entry bundles against the hashes of the tree.
func entries(url string, tree tlog.Tree, hashes tlog.HashReader) error {
	for start := int64(0); start < tree.N; start += 256 {
		width := min(tree.N-start, 256)
		data, err := get(url + "/" + path("entries", start/256, int(width)))
		if err != nil {
			return err
		}
		var indexes []int64
		for i := start; i < start+width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, i))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range stored {
			end := 2 + int(binary.BigEndian.Uint16(data))
			if leaf != tlog.RecordHash(data[2:end]) {
				return fmt.Errorf("entry %d is not the leaf that its tile says", start+int64(i))
			}
			data = data[end:]
		}
		if len(data) != 0 {
			return fmt.Errorf("the entry bundle at %d is too long", start)
		}
	}
	return nil
}

// tiles reads tiles of hashes at their C2SP paths.
type tiles string

func (url tiles) Height() int { return 8 }

func (url tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (url tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := get(string(url) + "/" + path(fmt.Sprint(tile.L), tile.N, tile.W))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func path(level string, n int64, width int) string {
	number := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	if width < 256 {
		number += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + number
}

func get(address string) ([]byte, error) {
	reply, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, reply.Status)
	}
	return io.ReadAll(reply.Body)
}
