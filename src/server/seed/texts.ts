/** Texts of the demo drive. */
export const welcome = `# Welcome

This drive lives in a small server inside the program itself. It behaves like a Cloudreve server,
so everything that you try here works the same way on your own.

Try this in a terminal, in the mounted folder:

    ls -lR
    getfattr -n user.cloudreve.activities "Documents/Project plan.md"
    cp Pictures/Harbour.jpg "Pictures/Harbour (copy).jpg"
    echo "one more line" >> "Documents/Project plan.md"
    getfattr -d Documents/Handbook.pdf

Nothing that you do here leaves this computer, and nothing of it is kept when the demo ends.
`

/** Successive versions of one document. */
export const planVersions = [
  `# Project plan

- [ ] Find out what the harbour office needs
- [ ] Draw the first sketches
`,
  `# Project plan

- [x] Find out what the harbour office needs
- [ ] Draw the first sketches
- [ ] Ask for prices

Owner: Ann
`,
  `# Project plan

- [x] Find out what the harbour office needs
- [x] Draw the first sketches
- [ ] Ask for prices
- [ ] Choose a builder

Owner: Ann, drawings: Ben
`,
  `# Project plan

- [x] Find out what the harbour office needs
- [x] Draw the first sketches
- [x] Ask for prices
- [ ] Choose a builder
- [ ] Open in September

Owner: Ann, drawings: Ben

The prices are in "Budget.csv"; the office wants an answer before the holidays.
`,
] as const

export const budget = `item,quantity,price,total
piles,48,310.00,14880.00
planks,620,18.50,11470.00
railing,96,42.00,4032.00
lamps,12,165.00,1980.00
labour,340,56.00,19040.00
,,,51402.00
`

export const notes = [
  {
    name: 'First meeting.md',
    text: `# First meeting

Present: Ann, Ben

The old pier is closed since March. The office prefers wood over steel, and light that does not blind
the fishermen. Ben draws two variants until next week.
`,
  },
  {
    name: 'Second meeting.md',
    text: `# Second meeting

Present: Ann, Ben, the harbour office

Variant B it is: longer by six metres, with a bench at the end. The office asks for prices in writing.
`,
  },
] as const

export const draft = `Dear harbour office,

an earlier draft of this letter promised August. Please forget it.
`

export const handbook = [
  'How we work with the shared drive:',
  '',
  '1. Documents are edited in place; older versions are kept.',
  '2. Pictures go to "Pictures", one folder for each year.',
  '3. What is deleted stays in the trash for a week.',
  '4. Large recordings do not belong here.',
] as const
