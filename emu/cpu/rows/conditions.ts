/** The sixteen conditions of Jcc, SETcc and CMOVcc by number, and the flags each reads. SDM vol. 2, appendix B.1.4.7. */
export const CONDITIONS: readonly { name: string; reads: string }[] = [
  { name: 'O', reads: 'O' },
  { name: 'NO', reads: 'O' },
  { name: 'B', reads: 'C' },
  { name: 'NB', reads: 'C' },
  { name: 'E', reads: 'Z' },
  { name: 'NE', reads: 'Z' },
  { name: 'BE', reads: 'CZ' },
  { name: 'NBE', reads: 'CZ' },
  { name: 'S', reads: 'S' },
  { name: 'NS', reads: 'S' },
  { name: 'P', reads: 'P' },
  { name: 'NP', reads: 'P' },
  { name: 'L', reads: 'OS' },
  { name: 'NL', reads: 'OS' },
  { name: 'LE', reads: 'OSZ' },
  { name: 'NLE', reads: 'OSZ' },
];
