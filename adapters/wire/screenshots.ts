/** The wire models for pictures of sessions. */
import { flag, integer, list, model, one, text, time } from './shapes.ts';

export const getSessionScreenshotRequestData = model('GetSessionScreenshotRequestData', 'A session to take a picture of.', {
  SessionId: text('The id of the session.'),
  MaxWidth: integer('The greatest width of the picture in pixels.', 'int64', { nullable: true }),
  MaxHeight: integer('The greatest height of the picture in pixels.', 'int64', { nullable: true }),
});

const sessionScreenshotImage = model('SessionScreenshotImage', 'One picture.', {
  Format: text('jpeg or png.', { example: 'png' }),
  Data: text('The picture, in base64.'),
  CreationTime: time('When it was taken.'),
  Primary: flag('Whether it shows the primary screen.'),
});

const sessionScreenshot = model('SessionScreenshot', 'The pictures of one session.', {
  SessionId: text('The id of the session.'),
  Images: list(sessionScreenshotImage, 'The pictures.'),
});

const successful = model('GetSessionScreenshotSuccessfulResponse', 'A session of which there is a picture.', {
  SessionScreenshot: one(sessionScreenshot),
});

const unsuccessful = model('GetSessionScreenshotUnsuccessfulResponse', 'A session of which there is none.', {
  GetSessionScreenshotRequestData: one(getSessionScreenshotRequestData),
  FailureReason: text('Why.'),
});

export const getSessionScreenshotsResponse = model('GetSessionScreenshotsResponse', 'What became of each picture.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(successful, 'The sessions of which there is a picture.'),
  UnsuccessfulList: list(unsuccessful, 'The sessions of which there is none.'),
});
