/** What a campaign's user can cause: a results file that is not one, is in use, or cannot be written. One line. */
export class CampaignError extends Error {
  override readonly name = 'CampaignError';
}
