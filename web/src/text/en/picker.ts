import type { Sum } from '../../parts/picker/chosen'
import { plural, size } from '../format'

export const picker = {
  files: 'Choose files or folders',
  folder: 'Choose a folder',
  places: 'Places',
  place: {
    home: 'Home',
    downloads: 'Downloads',
    pictures: 'Pictures',
    videos: 'Videos',
    music: 'Music',
    documents: 'Documents',
    desktop: 'Desktop',
    disk: 'This machine',
  } as Record<string, string>,
  path: 'Where you are',
  up: 'Up one folder',
  kind: 'Show',
  kinds: { all: 'All', picture: 'Pictures', video: 'Videos', audio: 'Audio' },
  find: 'Filter by name',
  hidden: 'Hidden files',
  columns: { name: 'Name', size: 'Size', modified: 'Changed' },
  sort: (column: string) => `Sort by ${column.toLowerCase()}`,
  up1: 'ascending',
  down1: 'descending',
  all: 'Select all shown',
  list: (folder: string) => `Content of ${folder}`,
  isFolder: 'folder',
  empty: 'This folder is empty.',
  nothing: 'Nothing here fits the filter.',
  noFolders: 'There are no folders in here.',
  more: (n: number) => plural(n, 'One more entry is not shown.', '# more entries are not shown.'),
  unnamed: (n: number) =>
    plural(n, 'One entry has a name that cannot be shown.', '# entries have names that cannot be shown.'),
  free: (n: number) => `${size(n)} free`,
  none: 'Nothing selected',
  sum,
  clear: 'Clear',
  choose: 'Choose',
  use: 'Use this folder',
  keys: 'Arrow keys move, space selects, Enter opens or chooses, Backspace goes up.',
  dialog: 'Or use this machine’s own dialog:',
  dialogFiles: 'for files',
  dialogFolder: 'for a folder',
  browse: 'Choose a folder…',
  dialogOpen: 'A dialog is open on the screen of this machine…',
  streams: 'Streams',
  automatic: 'Automatic',
  streamsWhy: 'Connections that carry the files side by side. Automatic finds out how many are fastest.',
  remove: (name: string) => `Remove ${name}`,
}

/** "2 files and 1 folder, 48 MB", or "at least 48 MB" where there are folders. */
export function sum(s: Sum): string {
  const parts = [
    s.files > 0 ? plural(s.files, 'one file', '# files') : '',
    s.folders > 0 ? plural(s.folders, 'one folder', '# folders') : '',
  ]
  const what = parts.filter(Boolean).join(' and ')
  if (s.whole) return `${what}, ${size(s.bytes)}`
  return s.bytes > 0 ? `${what}, ${size(s.bytes)} and what is in the folders` : what
}
