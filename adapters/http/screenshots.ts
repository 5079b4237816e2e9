/** The operation on pictures: getSessionScreenshots. */
import type { Screenshot } from '../../domain/ports/agent-link.ts';
import { getSessionScreenshotRequestData } from '../wire/screenshots.ts';
import { runBatch } from './batch.ts';
import type { Operation } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { presentTime } from './present-session.ts';
import { subjectOf } from './refusals.ts';
import { withoutNulls } from './without-nulls.ts';

/** Wider than any desktop, and no reason for a host to run out of memory. */
const PIXELS = { min: 1, max: 16_384 };

export function getSessionScreenshots(): Operation {
  return async (call) => {
    const answer = await runBatch(await call.items(getSessionScreenshotRequestData), {
      read: (item) => {
        const reader = createItemReader();
        return reader.outcome({
          sessionId: reader.required('SessionId', item.SessionId, MAX_LENGTH.sessionId),
          maxWidth: reader.bounded('MaxWidth', item.MaxWidth, PIXELS),
          maxHeight: reader.bounded('MaxHeight', item.MaxHeight, PIXELS),
        });
      },
      execute: (wishes) => call.application.screenshots(wishes, call.origin),
      succeeded: (pictures, item) => ({ SessionScreenshot: { SessionId: item.SessionId, Images: pictures.map(presentPicture) } }),
      failed: (item, { reason }) => ({
        GetSessionScreenshotRequestData: withoutNulls(item),
        FailureReason: reason,
      }),
      refused: (item, rejection) => call.refused(rejection, { target: subjectOf('session', item.SessionId) }, call.origin),
    });
    return { RequestId: call.origin.requestId, ...answer };
  };
}

const presentPicture = ({ format, data, time, primary }: Screenshot) => ({
  Format: format,
  Data: data,
  CreationTime: presentTime(time),
  Primary: primary,
});
