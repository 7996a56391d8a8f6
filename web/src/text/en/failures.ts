/** Why something did not work and what to do about it, by the node's codes. "send" and "receive" are how it is here. */
type Text = { title: string; todo: string }

export type FailureTexts = Record<string, Text | { send: Text; receive: Text }>

export const failures: FailureTexts = {
  rejected: {
    send: {
      title: 'The other side declined.',
      todo: 'Nothing was sent. Ask the person there before you send it again.',
    },
    receive: {
      title: 'The other side declined.',
      todo: 'Nothing was received. Ask the person there, then try again.',
    },
  },
  device_busy: {
    title: 'The other device is busy with another transfer.',
    todo: 'Try again when it has finished.',
  },
  busy: { title: 'Too much is under way at once.', todo: 'Try again in a moment.' },
  expired: {
    send: {
      title: 'Nobody there answered in time.',
      todo: 'Send it again when somebody sits at the other device.',
    },
    receive: {
      title: 'It was not answered in time.',
      todo: 'Have it sent again, and answer within five minutes.',
    },
  },
  long_list: {
    send: {
      title: 'The other device does not trust this one enough for so many files.',
      todo: 'Let the two devices trust each other, or share the files with a code.',
    },
    receive: {
      title: 'These were more files than are taken from a device that is not trusted.',
      todo: 'Let the two devices trust each other, or have the files shared with a code.',
    },
  },
  not_found: {
    title: 'The other device was not found.',
    todo: 'See that it is switched on, that lanyard runs there, and that both are on the same network. Otherwise use its address.',
  },
  error: {
    title: 'The connection could not be made, or broke.',
    todo: 'See that the other device is switched on and on the same network, then try again.',
  },
  unauthorised: {
    title: 'The code is wrong.',
    todo: 'Compare it with the other screen. After three wrong tries a new code is shown there.',
  },
  wrong_device: {
    title: 'Another device answered than expected, or the words differed.',
    todo: 'If it was set up anew, use the code that it shows now, or pair with it again. If not, somebody else may be answering in its place: do not go on.',
  },
  no_space: {
    send: {
      title: 'The other device has too little free space.',
      todo: 'Make space there, then try again: it goes on where it stopped.',
    },
    receive: {
      title: 'This machine has too little free space.',
      todo: 'Make space here, then try again: it goes on where it stopped.',
    },
  },
  source_changed: {
    title: 'A file was changed while it was sent.',
    todo: 'Send it again when nothing writes to it any more.',
  },
  source_read: {
    title: 'A file cannot be read on the sending machine.',
    todo: 'See that it is still there, may be read, and that its disk is sound.',
  },
  source_lost: {
    title: 'The sender is gone.',
    todo: 'When it is back, this goes on where it stopped.',
  },
  receiver_lost: {
    title: 'The receiver is gone.',
    todo: 'When it is back, this goes on where it stopped.',
  },
  stopped: {
    title: 'The sender has stopped.',
    todo: 'What has arrived is kept. To get the rest, have it sent again.',
  },
  integrity: {
    title: 'The data that arrived is not what was sent.',
    todo: 'It was not kept. Something changes data on its way, or a disk or memory is failing: check both machines, then try again.',
  },
  partial: {
    title: 'Not every file arrived.',
    todo: 'What has arrived is kept. Send again to fetch what is missing.',
  },
  bad_name: {
    title: 'A file has a name that this machine cannot write.',
    todo: 'Rename it there, or receive it under another name.',
  },
  too_large: { title: 'It is larger than allowed.', todo: 'Send it in several parts.' },
  malformed: {
    title: 'The other side does not speak as lanyard does.',
    todo: 'See that lanyard answers at that address, in the same version.',
  },
  version: {
    title: 'The two versions of lanyard do not fit together.',
    todo: 'Bring both machines to the same version.',
  },
  inbox_busy: {
    title: 'Something else is being received into that folder.',
    todo: 'Wait for it to end, or choose another folder.',
  },
  no_share: {
    title: 'Nothing is shared under this code any more.',
    todo: 'Ask the sender for a new code.',
  },
  port_taken: {
    title: 'The port is taken by another program.',
    todo: 'Choose another port in the settings, or end that program.',
  },
  interrupted: { title: 'It was interrupted.', todo: 'Try again: it goes on where it stopped.' },
  newer_state: {
    title: 'A newer lanyard has been used on this machine.',
    todo: 'Use the newer version.',
  },
}

/** Of a code that this page does not know. */
export const unknownFailure: Text = {
  title: 'It did not work.',
  todo: 'See the details, then try again.',
}
