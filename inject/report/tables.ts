/** The report's tables in their order, as rows of text: for the terminal and for HTML alike. */
import type { Summary } from './summary.ts';
import { availabilityTable, breakEvenTable, ninesTable, repairTable } from './tables/availability.ts';
import { effortTable, followUpTable, wildTable } from './tables/campaign.ts';
import type { Replay, TableData } from './tables/cells.ts';
import { matrices, modelTable, outcomeTable, persistenceTable, reloadTable } from './tables/outcomes.ts';
import { goalTable, paperTable } from './tables/paper.ts';
import { hiddenTable, phaseTable, triggerTable } from './tables/times.ts';

export function tablesOf(s: Summary, replay: Replay): TableData[] {
  const tables = [
    paperTable(s),
    goalTable(s),
    outcomeTable(s),
    ...s.configurations.flatMap(matrices),
    modelTable(s),
    persistenceTable(s),
    reloadTable(s),
    phaseTable(s),
    triggerTable(s),
    hiddenTable(s),
    availabilityTable(s),
    repairTable(s),
    ninesTable(s),
    breakEvenTable(s),
    effortTable(s),
    wildTable(s),
    followUpTable(s, replay),
  ];
  return tables.filter(t => t.rows.length > 0);
}
