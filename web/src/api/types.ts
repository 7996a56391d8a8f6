import type { components } from './schema'

type Schemas = components['schemas']

export type Transfer = Schemas['Transfer']
export type Offer = Schemas['Offer']
export type Device = Schemas['Device']
export type Notice = Schemas['Notice']
export type NodeState = Schemas['State']
export type Pairing = Schemas['Pairing']
export type Meeting = Schemas['Meeting']
export type Job = Schemas['Job']
export type Answer = Schemas['Answer']
export type Failure = Schemas['Failure']
export type ListedFile = Schemas['ListedFile']
export type FolderEntry = Schemas['FolderEntry']
export type Place = Schemas['Place']
export type Folder = Schemas['Folder']
