# What is installed, and what is released. Included by the Makefile.

DOCDIR  ?= $(DATADIR)/doc/tsrun
DIST    ?= $(BUILD)/dist
# The architectures of a release.
ARCHES  ?= x86_64 aarch64
# Where the sources of the libraries that are linked in are kept between two releases; LIBRARY_SOURCES=no leaves them out.
LIBRARY_SOURCES ?= yes

MAN_PAGES   = $(wildcard $(BUILD)/pages/man/*.8)
# What the pages that are made call the folder of the documentation.
NAME_DOCDIR = sed 's|@DOCDIR@|$(DOCDIR)|g'
INSTALLED   = $(BINDIR)/tsrun $(DATADIR)/bash-completion/completions/tsrun $(DATADIR)/zsh/site-functions/_tsrun \
              $(DATADIR)/fish/vendor_completions.d/tsrun.fish
DOCUMENTS  := packaging/README.md packaging/RELINKING.md CHANGELOG.md LICENSE $(wildcard docs/*.md)

## install: program, manual pages, completions, documents below $(DESTDIR)$(PREFIX); BINDIR, MANDIR, DATADIR, DOCDIR move them
install: build pages
	install -D -m 0755 $(BUILD)/tsrun $(DESTDIR)$(BINDIR)/tsrun
	install -d $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(DOCDIR)
	install -m 0644 $(MAN_PAGES) $(DESTDIR)$(MANDIR)/man8/
	$(NAME_DOCDIR) $(BUILD)/pages/man/tsrun.8 > $(DESTDIR)$(MANDIR)/man8/tsrun.8
	install -D -m 0644 $(BUILD)/pages/completions/tsrun $(DESTDIR)$(DATADIR)/bash-completion/completions/tsrun
	install -D -m 0644 $(BUILD)/pages/completions/_tsrun $(DESTDIR)$(DATADIR)/zsh/site-functions/_tsrun
	install -D -m 0644 $(BUILD)/pages/completions/tsrun.fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/tsrun.fish
	install -m 0644 $(DOCUMENTS) $(DESTDIR)$(DOCDIR)/

## uninstall: removes what `install` with the same variables puts there, of whichever version
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED)) $(DESTDIR)$(MANDIR)/man8/tsrun.8 $(DESTDIR)$(MANDIR)/man8/tsrun-*.8
	rm -rf $(DESTDIR)$(DOCDIR)

ASSEMBLE = SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) COMMIT='$(COMMIT)' MAKE='$(MAKE)' packaging/assemble --build '$(BUILD)' --arch '$(ARCH)' --version '$(VERSION)'

## pack: the packages for npm with the program of this architecture, in build/; `make dist` makes those of all
pack: build pages library
	$(ASSEMBLE) --out '$(BUILD)' npm runtime

# What is released for one architecture.
dist-arch: build pages
	$(ASSEMBLE) --out '$(DIST)' program tarball deb rpm npm sbom

build_of = $(if $(filter $1,$(MACHINE)),$(BUILD),$(BUILD)/$1)
OF_EACH  = $(addprefix dist-of-,$(ARCHES))
.PHONY: dist-begin $(OF_EACH)

dist-begin: pages library
	scripts/install-deps --dist
	rm -rf '$(DIST)' && mkdir -p '$(DIST)'

$(OF_EACH): dist-of-%: dist-begin
	$(MAKE) ARCH='$*' BUILD='$(call build_of,$*)' DIST='$(DIST)' dist-arch

## dist: everything that is released, in build/dist: programs, tarballs, .deb, .rpm, npm packages, sources, SBOMs, SHA256SUMS
dist: $(OF_EACH)
	$(ASSEMBLE) --out '$(DIST)' runtime source
	[ '$(LIBRARY_SOURCES)' = no ] || \
	  SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/library-sources '$(DIST)'/*.cdx.json '$(DIST)/tsrun-$(VERSION)-library-sources.tar'
	cd '$(DIST)' && sha256sum * > ../SHA256SUMS.new && mv ../SHA256SUMS.new SHA256SUMS

## release-check: whether this commit can be tagged and released as the version in package.json
release-check:
	packaging/release-check
